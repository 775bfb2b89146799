using System.Text.Json.Nodes;

namespace Lorikeet.Data.Shapes;

/// <summary>The passage a question is about, in the forms that reading datasets have.</summary>
internal static class PassageText
{
    /// <summary>Columns that passages stand in.</summary>
    public static Column Column { get; } = new("context", "passage", "paragraph", "story", "article")
    { IsOptional = true };

    /// <summary>
    /// The text; null where it is blank. Lists of paragraphs, HotpotQA's titles with sentences and PubMedQA's contexts
    /// are put together.
    /// </summary>
    /// <exception cref="DatasetException">It is something else.</exception>
    public static string? Of(RowCells row)
    {
        var text = Of(row[Column]) ?? throw row.Unexpected(Column, "text, or a list of paragraphs");
        return string.IsNullOrWhiteSpace(text) ? null : text;
    }

    private static string? Of(JsonNode? node) => node switch
    {
        null => "",
        JsonValue value => RowCells.TextOf(value),
        JsonArray paragraphs => Joined("\n\n", paragraphs.Select(Paragraph)),
        JsonObject { } titled when titled["title"] is JsonArray titles && titled["sentences"] is JsonArray sentences =>
            titles.Count == sentences.Count
                ? Joined("\n\n", titles.Zip(sentences, (title, body) => Titled(title, body)))
                : null,
        JsonObject { } several when several["contexts"] is JsonArray contexts => Of(contexts),
        _ => null,
    };

    private static string? Paragraph(JsonNode? node) => node switch
    {
        JsonValue value => RowCells.TextOf(value),
        JsonArray { Count: 2 } and [JsonValue title, JsonArray sentences] => Titled(title, sentences),
        _ => null,
    };

    private static string? Titled(JsonNode? title, JsonNode? sentences) =>
        title is JsonValue name && sentences is JsonArray list && list.All(sentence => sentence is JsonValue)
            ? $"{RowCells.TextOf(name)}\n{Sentences(list)}"
            : null;

    /// <summary>HotpotQA's sentences bring the blank between them.</summary>
    private static string Sentences(JsonArray list) =>
        string.Concat(list.Select(sentence => RowCells.TextOf((JsonValue)sentence!))).Trim();

    private static string? Joined(string separator, IEnumerable<string?> parts)
    {
        string?[] all = [.. parts];
        return all.Contains(null) ? null : string.Join(separator, all);
    }
}
