using Lorikeet.Data;
using Lorikeet.Server.Protocol;

namespace Lorikeet.Server.Endpoints;

/// <summary>The conversation of a request.</summary>
internal static class AskedMessages
{
    private const string Roles = "system, developer, user, assistant or tool";

    /// <summary>The turns as the model's prompt format takes them.</summary>
    /// <param name="messages">Those of the request.</param>
    /// <exception cref="ApiException">There are none, or one is not whole.</exception>
    public static IReadOnlyList<ChatMessage> Of(IReadOnlyList<WireMessage>? messages)
    {
        if (messages is null)
            throw ApiException.Missing("messages", "an array of messages");
        if (messages.Count == 0)
            throw ApiException.Unexpected("messages", "an empty array", "at least one message");
        return [.. messages.Select((message, i) => One($"messages[{i}]", message))];
    }

    private static ChatMessage One(string param, WireMessage? message)
    {
        if (message is null)
            throw ApiException.Unexpected(param, null, "a message");
        var role = message.Role switch
        {
            "developer" => "system", // its newer name
            "system" or "user" or "assistant" or "tool" => message.Role,
            null => throw ApiException.Missing($"{param}.role", Roles),
            var other => throw ApiException.Unexpected($"{param}.role", $"'{other}'", Roles),
        };
        if (role == "tool" && message.ToolCallId is null)
            throw ApiException.Missing($"{param}.tool_call_id", "the id of the call that it answers");
        if (message.Content is null && message is not { Role: "assistant", ToolCalls.Count: > 0 })
            throw ApiException.Missing($"{param}.content", "a text");
        return new ChatMessage(role, message.Content ?? "")
        {
            ToolCalls = role == "assistant" && message.ToolCalls is { Count: > 0 } calls
                ? [.. calls.Select((call, i) => Call($"{param}.tool_calls[{i}]", call))]
                : null,
            ToolCallId = role == "tool" ? message.ToolCallId : null,
            Name = message.Name,
            ReasoningContent = role == "assistant" ? message.ReasoningContent : null,
        };
    }

    private static ToolCall Call(string param, WireToolCall? call) => new(
        call?.Id ?? throw ApiException.Missing($"{param}.id", "the call's id"),
        call.Function?.Name ?? throw ApiException.Missing($"{param}.function.name", "the function's name"),
        call.Function.Arguments ?? "{}");
}
