using System.Text;
using System.Text.Json;
using Lorikeet.Data;
using Microsoft.Extensions.AI;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;
using Turn = Lorikeet.Data.ChatMessage;

namespace Lorikeet.Extensions.AI;

/// <summary>Messages of Microsoft.Extensions.AI as the turns that a prompt format renders.</summary>
internal static class Conversation
{
    // On one line, as models have read JSON.
    private static readonly JsonSerializerOptions s_json =
        new(AIJsonUtilities.DefaultOptions) { WriteIndented = false };

    /// <summary>The turns in order.</summary>
    /// <param name="messages">The conversation.</param>
    /// <param name="instructions">
    /// What the request adds to the system's turn: it comes first in it, or is one of its own where there is none.
    /// </param>
    /// <exception cref="ConfigurationException">A message holds what a model of text cannot read.</exception>
    public static IReadOnlyList<Turn> Of(IEnumerable<ChatMessage> messages, string? instructions)
    {
        var turns = new List<Turn>();
        var tools = new Dictionary<string, string>();
        foreach (var message in messages)
            Add(message, turns, tools);
        if (string.IsNullOrEmpty(instructions))
            return turns;
        if (turns.FirstOrDefault() is { Role: "system" } system)
            turns[0] = system with { Content = $"{instructions}\n\n{system.Content}" };
        else
            turns.Insert(0, new Turn("system", instructions));
        return turns;
    }

    /// <summary>What a tool gave back, as text: a string as it stands, anything else as JSON.</summary>
    public static string ResultText(object? result) => result switch
    {
        null => "",
        string text => text,
        JsonElement { ValueKind: JsonValueKind.String } element => element.GetString()!,
        TextContent content => content.Text,
        IEnumerable<AIContent> contents => string.Concat(contents.Select(content => ResultText(content))),
        AIContent content => throw Unreadable(content, "The result of a tool"),
        _ => JsonSerializer.Serialize(result, s_json.GetTypeInfo(typeof(object))),
    };

    /// <param name="message">A message: one turn, or one for each result of a tool.</param>
    /// <param name="turns">Where they are added.</param>
    /// <param name="tools">Name of the tool by the id of its call, as far as the conversation has come.</param>
    private static void Add(ChatMessage message, List<Turn> turns, Dictionary<string, string> tools)
    {
        var text = new StringBuilder();
        var calls = new List<ToolCall>();
        var results = new List<FunctionResultContent>();
        foreach (var content in message.Contents)
        {
            switch (content)
            {
                case TextContent said:
                    text.Append(said.Text);
                    break;
                case FunctionCallContent call:
                    tools[call.CallId] = call.Name;
                    calls.Add(new ToolCall(call.CallId, call.Name, Arguments(call)));
                    break;
                case FunctionResultContent result:
                    results.Add(result);
                    break;
                case UsageContent or TextReasoningContent:
                    break; // what an earlier answer took, and what was thought: neither was said
                default:
                    throw Unreadable(content, $"A message of the role '{message.Role}'");
            }
        }

        if (text.Length > 0 || calls.Count > 0 || results.Count == 0)
        {
            turns.Add(new Turn(message.Role.Value, text.ToString())
            {
                Name = message.AuthorName,
                ToolCalls = calls.Count > 0 ? calls : null,
            });
        }

        turns.AddRange(results.Select(result => new Turn(ChatRole.Tool.Value, ResultText(result.Result))
        {
            ToolCallId = result.CallId,
            Name = tools.GetValueOrDefault(result.CallId),
        }));
    }

    private static string Arguments(FunctionCallContent call) => call.Arguments is null
        ? "{}"
        : JsonSerializer.Serialize(call.Arguments, s_json.GetTypeInfo(typeof(IDictionary<string, object?>)));

    private static ConfigurationException Unreadable(AIContent content, string where) => new(
        $"{where} holds a {content.GetType().Name}. Models here read text, calls of functions and their results. "
        + "Leave it out, or put into words what it says.");
}
