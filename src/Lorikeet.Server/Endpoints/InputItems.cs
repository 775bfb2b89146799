using Lorikeet.Data;
using Lorikeet.Server.Protocol;

namespace Lorikeet.Server.Endpoints;

/// <summary>The items of a response's input as turns of a conversation.</summary>
internal static class InputItems
{
    private const string Types = "message, reasoning, function_call or function_call_output";
    private const string Roles = "system, developer, user or assistant";

    /// <summary>
    /// The turns; calls that follow each other, what the assistant says before them, and what it thinks before that are
    /// one turn.
    /// </summary>
    /// <param name="items">Those of the request.</param>
    /// <exception cref="ApiException">An item is not known, or not whole.</exception>
    public static List<ChatMessage> Of(IReadOnlyList<InputItem> items)
    {
        var turns = new List<ChatMessage>();
        string? thought = null;
        for (var i = 0; i < items.Count; i++)
        {
            var (item, param) = (items[i], $"input[{i}]");
            if (item is null)
                throw ApiException.Unexpected(param, null, "an item");
            if (item.Type == "reasoning")
            {
                thought = item.Content;
                continue;
            }

            if (item.Type != "function_call")
                turns.Add(Turn(param, item));
            else if (turns is [.., { Role: "assistant" } last])
                turns[^1] = last with { ToolCalls = [.. last.ToolCalls ?? [], Call(param, item)] };
            else
                turns.Add(new ChatMessage("assistant", "") { ToolCalls = [Call(param, item)] });
            if (turns[^1].Role == "assistant")
                turns[^1] = turns[^1] with { ReasoningContent = turns[^1].ReasoningContent ?? thought };
            thought = null;
        }

        return turns;
    }

    /// <summary>What a response adds to the conversation that it answers.</summary>
    public static ChatMessage Of(IReadOnlyList<OutputItem> output)
    {
        var texts = output.Where(item => item.Type == "message").SelectMany(item => item.Content ?? [])
            .Select(part => part.Text);
        var thoughts = output.Where(item => item.Type == "reasoning").SelectMany(item => item.Content ?? [])
            .Select(part => part.Text);
        ToolCall[] calls =
        [
            .. output.Where(item => item.CallId is not null)
                .Select(item => new ToolCall(item.CallId!, item.Name!, item.Arguments!)),
        ];
        return new ChatMessage("assistant", string.Concat(texts))
        {
            ToolCalls = calls.Length > 0 ? calls : null,
            ReasoningContent = string.Concat(thoughts) is { Length: > 0 } thought ? thought : null,
        };
    }

    private static ChatMessage Turn(string param, InputItem item) => item.Type switch
    {
        null or "message" => Message(param, item),
        "function_call_output" => new ChatMessage(
            "tool", item.Output ?? throw ApiException.Missing($"{param}.output", "a text"))
        {
            ToolCallId = item.CallId
                ?? throw ApiException.Missing($"{param}.call_id", "the id of the call that it answers"),
        },
        var type => throw ApiException.Unexpected($"{param}.type", $"'{type}'", Types),
    };

    private static ChatMessage Message(string param, InputItem item)
    {
        var role = item.Role switch
        {
            "system" or "developer" => "system",
            "user" or "assistant" => item.Role,
            null => throw ApiException.Missing($"{param}.role", Roles),
            var other => throw ApiException.Unexpected($"{param}.role", $"'{other}'", Roles),
        };
        return new ChatMessage(role, item.Content ?? throw ApiException.Missing($"{param}.content", "a text"));
    }

    private static ToolCall Call(string param, InputItem item) => new(
        item.CallId ?? throw ApiException.Missing($"{param}.call_id", "the call's id"),
        item.Name ?? throw ApiException.Missing($"{param}.name", "the function's name"),
        item.Arguments ?? "{}");
}
