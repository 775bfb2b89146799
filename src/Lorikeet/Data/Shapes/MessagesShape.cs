using System.Text.Json.Nodes;
using Lorikeet.Options;

namespace Lorikeet.Data.Shapes;

/// <summary>Conversations as OpenAI and TRL write them.</summary>
internal sealed class MessagesShape : RowShape
{
    private static readonly Column Messages = new("messages", "conversations", "conversation", "dialogue");
    private static readonly Column Tools = new("tools", "functions") { IsOptional = true };

    public override DatasetShape Kind => DatasetShape.Messages;

    public override string Description => "conversations of role and content; what the assistant says is learned";

    public override IReadOnlyList<Column> Columns => [Messages, Tools];

    public override bool Fits(RowCells row) => row.FirstObject(Messages)?.ContainsKey("role") == true;

    public override PromptStyle StyleOf(RowCells row) => PromptStyle.Conversation;

    public override Example Read(RowCells row)
    {
        var messages = row.List(Messages);
        if (messages is null or { Count: 0 })
            return new SkippedExample("no messages");
        if (!messages.All(IsMessage))
            throw row.Unexpected(Messages, "a list of objects with 'role' and 'content' (or 'tool_calls')");

        var cleaned = new JsonArray([.. messages.Select(message => WithoutNulls((JsonObject)message!))]);
        return cleaned.Any(message => (string?)message!["role"] == "assistant")
            ? new ConversationExample(cleaned, ToolsOf(row), [])
            : new SkippedExample("nothing said by an assistant");
    }

    private static bool IsMessage(JsonNode? node) =>
        node is JsonObject message && message["role"] is JsonValue &&
        (message["content"] is not null || message["tool_calls"] is not null);

    /// <summary>Tables have a cell for every key, be it null; templates ask whether a key is there.</summary>
    private static JsonObject WithoutNulls(JsonObject message) =>
        new(message.Where(cell => cell.Value is not null || cell.Key == "content")
            .Select(cell => KeyValuePair.Create(cell.Key, cell.Value?.DeepClone())));

    private static JsonArray? ToolsOf(RowCells row) => row.List(Tools) is { Count: > 0 } tools ? tools : null;
}
