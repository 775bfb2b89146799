using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Data;
using Lorikeet.Formats.Json;

namespace Lorikeet.Serving;

/// <summary>
/// Calls whose arguments stand between marks of their own, as Qwen3-Coder writes them:
/// <c>&lt;function=name>&lt;parameter=key>value&lt;/parameter>&lt;/function></c>. A value is a text as it stands; what
/// else it may be, the tool's schema says.
/// </summary>
internal static class MarkedArguments
{
    private const string Parameter = "<parameter=";
    private const string ParameterEnd = "</parameter>";

    /// <summary>The call of a tool; null where the text between its marks is something else.</summary>
    /// <param name="name">The tool.</param>
    /// <param name="text">What stands between the marks of the function.</param>
    /// <param name="schema">The schema of its arguments; null for none.</param>
    public static ToolCall? Read(string name, ReadOnlySpan<char> text, JsonObject? schema)
    {
        var arguments = new JsonObject();
        for (text = text.Trim(); text.Length > 0; text = text.TrimStart())
        {
            if (!text.StartsWith(Parameter, StringComparison.Ordinal) || text.IndexOf('>') is not (> 0 and var open))
                return null;
            var key = text[Parameter.Length..open].Trim().ToString();
            var rest = text[(open + 1)..];
            var end = EndOf(rest);
            arguments[key] = ValueOf(Unframed(rest[..end]).ToString(), TypeOf(schema, key));
            text = rest[end..];
            if (text.StartsWith(ParameterEnd, StringComparison.Ordinal))
                text = text[ParameterEnd.Length..];
        }

        return ToolCallJson.Call(name, arguments.ToJsonString(JsonFormats.Line));
    }

    /// <summary>A value ends at its mark; models forget it before the next parameter.</summary>
    private static int EndOf(ReadOnlySpan<char> text)
    {
        var end = text.IndexOf(ParameterEnd, StringComparison.Ordinal);
        var next = text.IndexOf(Parameter, StringComparison.Ordinal);
        return (end, next) switch
        {
            ( < 0, < 0) => text.Length,
            ( < 0, _) => next,
            (_, < 0) => end,
            _ => Math.Min(end, next),
        };
    }

    /// <summary>The line breaks after the opening mark and before the closing one belong to them.</summary>
    private static ReadOnlySpan<char> Unframed(ReadOnlySpan<char> text)
    {
        text = text.StartsWith("\n", StringComparison.Ordinal) ? text[1..] : text;
        return text.EndsWith("\n", StringComparison.Ordinal) ? text[..^1] : text;
    }

    private static string? TypeOf(JsonObject? schema, string key) =>
        schema?["properties"]?[key] is not JsonObject property ? null
        : property["type"] is JsonValue type && type.TryGetValue<string>(out var name) ? name
        : property["enum"] is null ? "any" : null;

    private static JsonNode? ValueOf(string text, string? type) => type switch
    {
        null or "string" => text,
        "integer" when long.TryParse(text.Trim(), CultureInfo.InvariantCulture, out var whole) => whole,
        "number" when double.TryParse(text.Trim(), CultureInfo.InvariantCulture, out var number)
            && double.IsFinite(number) => number,
        "boolean" when bool.TryParse(text.Trim(), out var truth) => truth,
        _ => Json(text),
    };

    /// <summary>JSON where it is, else the text.</summary>
    private static JsonNode? Json(string text)
    {
        try
        {
            var value = ToolCallJson.Parse(text);
            _ = value?.ToJsonString(JsonFormats.Line); // reads its names and texts
            return value;
        }
        catch (Exception fault) when (fault is JsonException or ArgumentException or InvalidOperationException)
        {
            return text;
        }
    }
}
