using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lorikeet.Data.Reading;

namespace Lorikeet.Data.Prompts;

/// <summary>
/// Tool calls as OpenAI's API writes them, their arguments as a text of JSON. Most templates print arguments as JSON
/// themselves, so such a text would be quoted a second time, which no model was trained on.
/// </summary>
internal static partial class ToolCalls
{
    /// <summary>Whether a template tests for strings and objects, and so can print both.</summary>
    public static bool AreToldApartBy(string template) => TypeTest().IsMatch(template);

    /// <summary>The messages with arguments as objects; what is no JSON object stays as it is.</summary>
    public static JsonArray WithObjects(JsonArray messages)
    {
        if (!Calls(messages).Any(call => ArgumentsOf(call) is not null))
            return messages;
        var prepared = (JsonArray)messages.DeepClone();
        foreach (var call in Calls(prepared))
        {
            if (ArgumentsOf(call) is { } arguments)
                call["arguments"] = arguments;
        }

        return prepared;
    }

    private static IEnumerable<JsonObject> Calls(JsonArray messages) => messages
        .SelectMany(message => message?["tool_calls"] as JsonArray ?? [])
        .Select(call => (call?["function"] ?? call) as JsonObject)
        .OfType<JsonObject>();

    private static JsonObject? ArgumentsOf(JsonObject call)
    {
        if (call["arguments"] is not JsonValue value || !value.TryGetValue(out string? text))
            return null;
        return RowJson.TryParse(text) as JsonObject;
    }

    [GeneratedRegex(@"arguments\s+is\s+(not\s+)?(string|mapping)")]
    private static partial Regex TypeTest();
}
