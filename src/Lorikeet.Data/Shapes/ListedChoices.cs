using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Lorikeet.Data.Shapes;

/// <summary>A choice as it is shown: <c>A. Liver</c>.</summary>
internal sealed record Choice(string Label, string Text)
{
    public override string ToString() => $"{Label}. {Text}";

    /// <summary>Letters for choices that bring none: A to Z, AA, AB ...</summary>
    public static string LabelAt(int index) =>
        (index < 26 ? "" : LabelAt(index / 26 - 1)) + (char)('A' + index % 26);
}

/// <summary>Choices in one column.</summary>
internal static partial class ListedChoices
{
    private const string Expected =
        "a list of texts, an object of labels with their texts, or {\"text\": [...], \"label\": [...]}";

    /// <summary>Columns that choices stand in.</summary>
    public static Column Column { get; } = new("choices", "options");

    /// <summary>The choices of a row.</summary>
    /// <exception cref="DatasetException">The column holds something else.</exception>
    public static IReadOnlyList<Choice> Read(RowCells row)
    {
        var choices = row[Column] switch
        {
            JsonObject table when table["text"] is JsonArray texts => Zipped(texts, table["label"] as JsonArray),
            JsonObject labelled =>
                Pairs(labelled.Where(cell => cell.Value is not null).Select(cell => ((string?)cell.Key, cell.Value))),
            _ => OfList(row.List(Column) ?? []),
        };
        return choices is { Count: > 0 } ? choices : throw row.Unexpected(Column, Expected);
    }

    private static IReadOnlyList<Choice>? OfList(JsonArray list) =>
        list.All(item => item is JsonObject)
            ? Pairs(list.Select(item => (Text(item!["label"] ?? item["key"]), item["text"] ?? item["value"])))
            : WithoutOwnLetters(Zipped(list, null));

    private static List<Choice>? Zipped(JsonArray texts, JsonArray? labels) =>
        labels is not null && labels.Count != texts.Count
            ? null
            : Pairs(texts.Select((text, i) => (labels is null ? Choice.LabelAt(i) : Text(labels[i]), text)));

    private static List<Choice>? Pairs(IEnumerable<(string? Label, JsonNode? Text)> pairs)
    {
        var choices = new List<Choice>();
        foreach (var (label, text) in pairs)
        {
            if (label is null || text is not JsonValue value)
                return null;
            choices.Add(new Choice(label.Trim(), RowCells.TextOf(value)));
        }
        return choices;
    }

    /// <summary>Texts that begin with their letter, as AQuA's <c>A)21</c>, without it.</summary>
    private static List<Choice>? WithoutOwnLetters(List<Choice>? choices) =>
        choices is not null
            && choices.All(choice => OwnLetter().Match(choice.Text).Groups["label"].Value == choice.Label)
            ? [.. choices.Select(choice => choice with { Text = choice.Text[OwnLetter().Match(choice.Text).Length..] })]
            : choices;

    private static string? Text(JsonNode? node) => node is JsonValue value ? RowCells.TextOf(value) : null;

    [GeneratedRegex(@"^\s*\(?(?<label>[A-Z])[).:]\s*", RegexOptions.CultureInvariant)]
    private static partial Regex OwnLetter();
}
