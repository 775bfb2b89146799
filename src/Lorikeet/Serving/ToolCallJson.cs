using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Data;
using Lorikeet.Formats.Json;

namespace Lorikeet.Serving;

/// <summary>Calls of tools as models write them in JSON.</summary>
internal static class ToolCallJson
{
    private const string Alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    private static readonly JsonDocumentOptions s_options = new() { AllowDuplicateProperties = false };

    // Mistral's templates take no other length.
    private const int IdLength = 9;

    /// <summary>
    /// The calls that a text of JSON makes: an object with a name and its arguments, or a list of such; null where it
    /// is something else.
    /// </summary>
    public static IReadOnlyList<ToolCall>? TryRead(ReadOnlySpan<char> text)
    {
        try
        {
            return Parse(text.ToString()) switch
            {
                JsonObject one when Call(one) is { } call => [call],
                JsonArray { Count: > 0 } many when many.Select(one => Call(one as JsonObject)).ToList() is var calls
                    && calls.TrueForAll(call => call is not null) => [.. calls.Select(call => call!)],
                _ => null,
            };
        }
        catch (Exception fault) when (fault is JsonException or ArgumentException or InvalidOperationException)
        {
            return null; // no JSON, a key twice, or half of a character
        }
    }

    /// <summary>Whether a text is a JSON object.</summary>
    public static bool IsObject(ReadOnlySpan<char> text)
    {
        try
        {
            // Written too, which is what its names and texts are read for.
            return Parse(text.ToString()) is JsonObject given
                && given.ToJsonString(JsonFormats.Line).Length > 0;
        }
        catch (Exception fault) when (fault is JsonException or ArgumentException or InvalidOperationException)
        {
            return false;
        }
    }

    /// <summary>Any JSON in which no name stands twice.</summary>
    public static JsonNode? Parse(string text) => JsonNode.Parse(text, documentOptions: s_options);

    /// <summary>A call with an id of its own.</summary>
    public static ToolCall Call(string name, string arguments) =>
        new(RandomNumberGenerator.GetString(Alphanumeric, IdLength), name, arguments);

    /// <summary>
    /// How long the JSON object or list is that a text begins with; 0 where the text ends before it.
    /// </summary>
    public static int LengthOf(ReadOnlySpan<char> text)
    {
        var (depth, isText) = (0, false);
        for (var i = 0; i < text.Length; i++)
        {
            var letter = text[i];
            if (isText)
            {
                if (letter == '\\')
                    i++;
                else if (letter == '"')
                    isText = false;
                continue;
            }

            isText = letter == '"';
            depth += letter is '{' or '[' ? 1 : letter is '}' or ']' ? -1 : 0;
            if (depth == 0 && letter is '}' or ']')
                return i + 1;
        }

        return 0;
    }

    private static ToolCall? Call(JsonObject? written)
    {
        if (written is null)
            return null;
        var function = written["function"] as JsonObject ?? written;
        var name = Text(function["name"]) ?? Text(function["function"]);
        return name is null || Arguments(function["arguments"] ?? function["parameters"]) is not { } arguments
            ? null
            : Call(name, arguments);
    }

    /// <summary>Arguments as text; models write an object, or that object as a text, or nothing.</summary>
    private static string? Arguments(JsonNode? written) => written switch
    {
        null => "{}",
        JsonObject given => given.ToJsonString(JsonFormats.Line),
        _ => Text(written),
    };

    private static string? Text(JsonNode? node) =>
        node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;
}
