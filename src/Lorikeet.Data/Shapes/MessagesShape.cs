using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Data.Encoded;
using Lorikeet.Data.Reading;

namespace Lorikeet.Data.Shapes;

/// <summary>Conversations as OpenAI and TRL write them.</summary>
internal sealed class MessagesShape : RowShape
{
    private static readonly Column Label = new("label", "kto_tag") { IsOptional = true };

    /// <summary>Columns that conversations stand in.</summary>
    public static Column Turns { get; } =
        new("messages", "conversations", "conversation", "dialogue", "dialog", "turns", "chat", "data");

    public override DatasetShape Kind => DatasetShape.Messages;

    public override string Description => "conversations of role and content; what the assistant says is learned";

    public override IReadOnlyList<Column> Columns => [Turns, Column.System, Column.Tools, Label];

    public override bool Fits(RowCells row) =>
        ConversationTurns.First(row, Turns) is JsonObject first && first.ContainsKey("role") && TurnValue.IsTurn(first);

    public override PromptStyle StyleOf(RowCells row) => PromptStyle.Conversation;

    public override RowContent Read(RowCells row)
    {
        if (IsUnwanted(row, Label))
            return new SkippedContent(EncodedExample.Unwanted);
        return ConversationTurns.Find(row, Turns) is { Count: > 0 } turns
            ? ConversationTurns.Conversation(row, ConversationTurns.Read(row, Turns, turns))
            : new SkippedContent("no messages");
    }

    /// <summary>
    /// Whether the data says, as TRL's unpaired preference data does, that a completion is not wanted.
    /// </summary>
    public static bool IsUnwanted(RowCells row, Column label) =>
        row[label] is JsonValue value && value.GetValueKind() == JsonValueKind.False;
}
