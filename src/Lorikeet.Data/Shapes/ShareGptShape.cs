using System.Text.Json.Nodes;
using Lorikeet.Data.Reading;

namespace Lorikeet.Data.Shapes;

/// <summary>Conversations of <c>from</c> and <c>value</c>, tool calls and preferred answers included.</summary>
internal sealed class ShareGptShape : RowShape
{
    private static readonly Column Turns =
        new("conversations", "conversation", "messages", "dialogue", "dialog", "turns", "chat", "data");

    private static readonly Column Chosen = new("chosen") { IsOptional = true };
    private static readonly Column Rejected = new("rejected") { IsOptional = true };
    private static readonly Column Label = new("label", "kto_tag") { IsOptional = true };

    public override DatasetShape Kind => DatasetShape.ShareGpt;

    public override string Description =>
        "ShareGPT conversations of from and value; what the assistant says is learned (of a pair, the chosen answer)";

    public override IReadOnlyList<Column> Columns => [Turns, Column.System, Column.Tools, Chosen, Rejected, Label];

    public override bool Fits(RowCells row) =>
        ConversationTurns.First(row, Turns) is JsonObject first && first.ContainsKey("from") && TurnValue.IsTurn(first);

    public override PromptStyle StyleOf(RowCells row) => PromptStyle.Conversation;

    public override RowContent Read(RowCells row)
    {
        if (ConversationTurns.Find(row, Turns) is not { Count: > 0 } turns)
            return new SkippedContent("no conversation");
        JsonNode?[] before = [.. turns];
        var rejected = row[Rejected] is JsonObject worse ? With(row, before, Rejected, [worse]) : null;
        return With(row, before, Chosen, row[Chosen] is JsonObject answer ? [answer] : []) with
        {
            Rejected = rejected,
            IsWanted = MessagesShape.IsWanted(row, Label),
        };
    }

    private static RowContent With(RowCells row, JsonNode?[] turns, Column column, JsonNode?[] answer) =>
        ConversationTurns.Conversation(
            row, [.. ConversationTurns.Read(row, Turns, turns), .. ConversationTurns.Read(row, column, answer)]);
}
