using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Lorikeet.Data.Shapes;

/// <summary>
/// Pairs of a chosen and a rejected answer (TRL, Anthropic's hh-rlhf): text, messages, or whole conversations.
/// </summary>
internal sealed partial class PreferenceShape : RowShape
{
    private static readonly Column Chosen = new("chosen");
    private static readonly Column Rejected = new("rejected");
    private static readonly Column Prompt = new("prompt", "question", "instruction", "query") { IsOptional = true };
    private static readonly Column Input = new("input") { IsOptional = true };

    public override DatasetShape Kind => DatasetShape.Preference;

    public override string Description =>
        "preference pairs; the chosen answer is learned, the rejected one used by method dpo, orpo and kto alone";

    public override IReadOnlyList<Column> Columns =>
        [Chosen, Rejected, Prompt, Input, Column.System, Column.History, Column.Tools];

    public override PromptStyle StyleOf(RowCells row) =>
        row[Chosen] is JsonArray or JsonObject || row.Has(Prompt) || Turns().IsMatch(row.Text(Chosen) ?? "")
            ? PromptStyle.Conversation
            : PromptStyle.Written;

    public override RowContent Read(RowCells row) =>
        Side(row, Chosen) with { Rejected = Side(row, Rejected) };

    private static RowContent Side(RowCells row, Column column) => row[column] switch
    {
        null => new SkippedContent($"no {column.Name} answer"),
        JsonArray messages => OfMessages(row, column, messages),
        JsonObject message => OfMessages(row, column, [message.DeepClone()]),
        _ => OfText(row, column, row.Text(column)!),
    };

    private static RowContent OfMessages(RowCells row, Column column, JsonArray side)
    {
        // A side that begins with the question is the whole conversation, the prompt a copy of it.
        JsonObject[] messages = [.. ConversationTurns.Read(row, column, side)];
        var isWhole = (string?)messages.FirstOrDefault()?["role"] != "assistant";
        return ConversationTurns.Conversation(row, isWhole ? messages : [.. Before(row), .. messages]);
    }

    private static RowContent OfText(RowCells row, Column column, string side)
    {
        if (string.IsNullOrWhiteSpace(side))
            return new SkippedContent($"no {column.Name} answer");
        if (row.Has(Prompt))
            return ConversationTurns.Conversation(
                row, [.. Before(row), ConversationContent.Message("assistant", side)]);

        var turns = Turns().Matches(side);
        return turns.Count == 0 ? new TextContent(side) : ConversationTurns.Conversation(
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
