using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Lorikeet.Data;

/// <summary>One turn of a conversation.</summary>
/// <param name="Role"><c>system</c>, <c>user</c>, <c>assistant</c> or <c>tool</c>.</param>
/// <param name="Content">What is said; empty where the assistant only calls tools.</param>
public sealed record ChatMessage(string Role, string Content)
{
    /// <summary>The tools that the assistant calls in this turn; null for none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<ToolCall>? ToolCalls { get; init; }

    /// <summary>In a turn of a tool, the <see cref="ToolCall.Id"/> of the call that it answers.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? ToolCallId { get; init; }

    /// <summary>Who speaks, where several have the same role; in a turn of a tool, the tool's name.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Name { get; init; }

    /// <summary>
    /// What the assistant thought before it spoke; null for nothing. Templates that know thoughts read it.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? ReasoningContent { get; init; }

    /// <summary>The turn as chat templates read it.</summary>
    public JsonObject ToJson()
    {
        var turn = new JsonObject { ["role"] = Role, ["content"] = Content };
        if (ToolCalls is { Count: > 0 })
            turn["tool_calls"] = new JsonArray([.. ToolCalls.Select(call => call.ToJson())]);
        if (ToolCallId is not null)
            turn["tool_call_id"] = ToolCallId;
        if (Name is not null)
            turn["name"] = Name;
        if (ReasoningContent is not null)
            turn["reasoning_content"] = ReasoningContent;
        return turn;
    }
}

/// <summary>A call of a tool by the assistant.</summary>
/// <param name="Id">Tells it apart from others of the conversation.</param>
/// <param name="Name">The tool.</param>
/// <param name="Arguments">A JSON object with the arguments, as text.</param>
public sealed record ToolCall(string Id, string Name, string Arguments)
{
    /// <summary>The call as OpenAI's API and chat templates write it.</summary>
    public JsonObject ToJson() => new()
    {
        ["id"] = Id,
        ["type"] = "function",
        ["function"] = new JsonObject { ["name"] = Name, ["arguments"] = Arguments },
    };
}
