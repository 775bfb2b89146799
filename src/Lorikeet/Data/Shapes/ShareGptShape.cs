using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Options;

namespace Lorikeet.Data.Shapes;

/// <summary>Conversations of <c>from</c> and <c>value</c>, tool calls and preferred answers included.</summary>
internal sealed class ShareGptShape : RowShape
{
    private static readonly Column Turns = new("conversations", "conversation", "messages");
    private static readonly Column System = new("system") { IsOptional = true };
    private static readonly Column Tools = new("tools") { IsOptional = true };
    private static readonly Column Chosen = new("chosen") { IsOptional = true };

    public override DatasetShape Kind => DatasetShape.ShareGpt;

    public override string Description =>
        "ShareGPT conversations of from and value; what the assistant says is learned (of a pair, the chosen answer)";

    public override IReadOnlyList<Column> Columns => [Turns, System, Tools, Chosen];

    public override bool Fits(RowCells row) => row.FirstObject(Turns)?.ContainsKey("from") == true;

    public override PromptStyle StyleOf(RowCells row) => PromptStyle.Conversation;

    public override Example Read(RowCells row)
    {
        var turns = row.List(Turns);
        if (turns is null or { Count: 0 })
            return new SkippedExample("no conversation");

        var messages = new JsonArray();
        if (row.Text(System) is { Length: > 0 } system)
            messages.Add((JsonNode)ConversationExample.Message("system", system));
        foreach (var turn in turns.Append(row[Chosen] as JsonObject).OfType<JsonObject>())
            messages.Add((JsonNode)ToMessage(row, turn));

        return messages.Any(message => (string?)message!["role"] == "assistant")
            ? new ConversationExample(messages, row.List(Tools) is { Count: > 0 } tools ? tools : null, [])
            : new SkippedExample("nothing said by an assistant");
    }

    private static JsonObject ToMessage(RowCells row, JsonObject turn)
    {
        var value = turn["value"] as JsonValue
            ?? throw row.Unexpected(Turns, "a list of objects with 'from' and 'value'");
        var content = RowCells.TextOf(value);
        return ((string?)turn["from"])?.ToLowerInvariant() switch
        {
            "human" or "user" or "prompter" => ConversationExample.Message("user", content),
            "gpt" or "assistant" or "chatgpt" or "model" or "bot" or "bard" or "bing" =>
                ConversationExample.Message("assistant", content),
            "system" => ConversationExample.Message("system", content),
            "observation" or "tool" or "function_response" => ConversationExample.Message("tool", content),
            "function_call" => ToToolCall(content),
            _ => throw row.Unexpected(Turns, "a list of turns from system, human, gpt, function_call or observation"),
        };
    }

    private static JsonObject ToToolCall(string content)
    {
        var calls = TryParse(content) switch
        {
            JsonArray several => several.OfType<JsonObject>(),
            JsonObject one => [one],
            _ => [],
        };
        var toolCalls = calls.Select(
            call => (JsonNode)new JsonObject { ["type"] = "function", ["function"] = call.DeepClone() });
        if (new JsonArray([.. toolCalls]) is not { Count: > 0 } list)
            return ConversationExample.Message("assistant", content);
        var message = ConversationExample.Message("assistant", "");
        message["tool_calls"] = list;
        return message;
    }

    private static JsonNode? TryParse(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
