using System.Text.Json.Nodes;

namespace Lorikeet.Data.Shapes;

/// <summary>
/// Conversations that name no speaker: texts that alternate (UltraChat, LIMA), or pairs of what is asked and answered
/// (Capybara, Belle).
/// </summary>
internal sealed class PlainTurnsShape : RowShape
{
    public override DatasetShape Kind => DatasetShape.Messages;

    public override string Description =>
        "conversations as texts that alternate, the user's first, or as pairs; every second one is learned";

    public override IReadOnlyList<Column> Columns => [MessagesShape.Turns, Column.System, Column.Tools];

    public override bool Fits(RowCells row) =>
        ConversationTurns.First(row, MessagesShape.Turns) is { } first && (IsText(first) || TurnPairs.IsPair(first));

    public override PromptStyle StyleOf(RowCells row) => PromptStyle.Conversation;

    public override RowContent Read(RowCells row)
    {
        if (ConversationTurns.Find(row, MessagesShape.Turns) is not { Count: > 0 } turns)
            return new SkippedContent("no conversation");
        var messages = turns.All(IsText)
            ? TurnPairs.Alternating(turns.Select(turn => (string)turn!))
            : TurnPairs.TryRead(turns)
                ?? throw row.Unexpected(MessagesShape.Turns, "a list of texts, or of pairs of input and output");
        return ConversationTurns.Conversation(row, messages);
    }

    private static bool IsText(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out _);
}
