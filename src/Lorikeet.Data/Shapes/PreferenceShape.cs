using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Lorikeet.Data.Shapes;

/// <summary>
/// Pairs of a chosen and a rejected answer (TRL, Anthropic's hh-rlhf): text, messages, or whole conversations. Only the
/// chosen one is learned.
/// </summary>
internal sealed partial class PreferenceShape : RowShape
{
    private static readonly Column Chosen = new("chosen");
    private static readonly Column Rejected = new("rejected");
    private static readonly Column Prompt = new("prompt", "question", "instruction", "query") { IsOptional = true };
    private static readonly Column Input = new("input") { IsOptional = true };

    public override DatasetShape Kind => DatasetShape.Preference;

    public override string Description =>
        "preference pairs; the chosen answer is learned, the rejected one is not used";

    public override IReadOnlyList<Column> Columns =>
        [Chosen, Rejected, Prompt, Input, Column.System, Column.History, Column.Tools];

    public override PromptStyle StyleOf(RowCells row) =>
        row[Chosen] is JsonArray or JsonObject || row.Has(Prompt) || Turns().IsMatch(row.Text(Chosen) ?? "")
            ? PromptStyle.Conversation
            : PromptStyle.Written;

    public override RowContent Read(RowCells row) => row[Chosen] switch
    {
        null => new SkippedContent("no chosen answer"),
        JsonArray messages => OfMessages(row, messages),
        JsonObject message => OfMessages(row, [message.DeepClone()]),
        _ => OfText(row, row.Text(Chosen)!),
    };

    private static RowContent OfMessages(RowCells row, JsonArray chosen)
    {
        // A chosen side that begins with the question is the whole conversation, the prompt a copy of it.
        JsonObject[] messages = [.. ConversationTurns.Read(row, Chosen, chosen)];
        var isWhole = (string?)messages.FirstOrDefault()?["role"] != "assistant";
        return ConversationTurns.Conversation(row, isWhole ? messages : [.. Before(row), .. messages]);
    }

    private static RowContent OfText(RowCells row, string chosen)
    {
        if (string.IsNullOrWhiteSpace(chosen))
            return new SkippedContent("no chosen answer");
        if (row.Has(Prompt))
            return ConversationTurns.Conversation(
                row, [.. Before(row), ConversationContent.Message("assistant", chosen)]);

        var turns = Turns().Matches(chosen);
        return turns.Count == 0 ? new TextContent(chosen) : ConversationTurns.Conversation(
            row, turns.Select(turn => ConversationContent.Message(
                turn.Groups["who"].Value == "Human" ? "user" : "assistant", turn.Groups["what"].Value.Trim())));
    }

    private static IEnumerable<JsonObject> Before(RowCells row)
    {
        if (row[Prompt] is JsonArray messages)
            return [.. EarlierTurns.Read(row), .. ConversationTurns.Read(row, Prompt, messages)];
        var asked = row.TextOrNull(Input) is { } input ? $"{row.Text(Prompt)}\n\n{input}" : row.Text(Prompt) ?? "";
        return [.. EarlierTurns.Read(row), ConversationContent.Message("user", asked)];
    }

    [GeneratedRegex(
        @"(?:^|\n\n)(?<who>Human|Assistant): ?(?<what>.*?)(?=\n\n(?:Human|Assistant):|\z)", RegexOptions.Singleline)]
    private static partial Regex Turns();
}
