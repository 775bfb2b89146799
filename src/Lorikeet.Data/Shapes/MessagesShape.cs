using System.Text.Json;
using System.Text.Json.Nodes;
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
        var content = ConversationTurns.Find(row, Turns) is { Count: > 0 } turns
            ? ConversationTurns.Conversation(row, ConversationTurns.Read(row, Turns, turns))
            : new SkippedContent("no messages");
        return content with { IsWanted = IsWanted(row, Label) };
    }

    /// <summary>
    /// Whether the data says, as TRL's unpaired preference data does, that a completion is wanted; null where it says
    /// nothing.
    /// </summary>
    public static bool? IsWanted(RowCells row, Column label) => row[label] is JsonValue value
        && value.GetValueKind() is JsonValueKind.True or JsonValueKind.False or JsonValueKind.String
        && bool.TryParse(RowCells.TextOf(value), out var isWanted) ? isWanted : null;
}
