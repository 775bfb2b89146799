using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lorikeet.Formats.Json;

/// <summary>
/// Writes JSON as Python's <c>json.dumps</c> does: a floating-point number with its point even where it is whole, and
/// ASCII alone, which reads the same in every encoding. What was read from a file keeps its text.
/// </summary>
public static class PythonJson
{
    /// <summary>Two spaces a level and a line break at the end, as transformers and PEFT write their files.</summary>
    /// <param name="node">The value; null is <c>null</c>.</param>
    public static string Indented(JsonNode? node) => Write(node, isIndented: true).Append('\n').ToString();

    /// <summary>One line, with a blank behind each comma and colon.</summary>
    /// <param name="node">The value; null is <c>null</c>.</param>
    public static string Line(JsonNode? node) => Write(node, isIndented: false).ToString();

    /// <summary>A number alone: its shortest text with a point or an exponent, Python's <c>repr</c>.</summary>
    /// <param name="value">The number, which may be NaN or infinite.</param>
    public static string Number(double value) => PythonNumbers.Write(value);

    private static StringBuilder Write(JsonNode? node, bool isIndented)
    {
        var text = new StringBuilder();
        Append(text, node, isIndented ? 0 : null);
        return text;
    }

    private static void Append(StringBuilder text, JsonNode? node, int? depth)
    {
        if (node is JsonObject members)
        {
            AppendAll(text, '{', '}', members, depth, (member, deeper) =>
            {
                AppendString(text, member.Key);
                text.Append(": ");
                Append(text, member.Value, deeper);
            });
        }
        else if (node is JsonArray items)
        {
            AppendAll(text, '[', ']', items, depth, (item, deeper) => Append(text, item, deeper));
        }
        else if (node is null)
        {
            text.Append("null");
        }
        else
        {
            AppendValue(text, (JsonValue)node);
        }
    }

    private static void AppendAll<T>(
        StringBuilder text, char open, char close, ICollection<T> items, int? depth, Action<T, int?> append)
    {
        text.Append(open);
        var deeper = depth + 1;
        var isFirst = true;
        foreach (var item in items)
        {
            if (!isFirst)
                text.Append(depth is null ? ", " : ",");
            isFirst = false;
            if (deeper is { } level)
                text.Append('\n').Append(' ', 2 * level);
            append(item, deeper);
        }

        if (items.Count > 0 && depth is { } own)
            text.Append('\n').Append(' ', 2 * own);
        text.Append(close);
    }

    private static void AppendValue(StringBuilder text, JsonValue value)
    {
        switch (value.GetValue<object>())
        {
            case JsonElement element:
                text.Append(element.ValueKind == JsonValueKind.Number
                    ? PythonNumbers.Literal(element.GetRawText())
                    : element.GetRawText());
                break;
            case double number:
                text.Append(PythonNumbers.Write(number));
                break;
            case float number:
                text.Append(PythonNumbers.Write(number));
                break;
            case bool flag:
                text.Append(flag ? "true" : "false");
                break;
            case string words:
                AppendString(text, words);
                break;
            case IFormattable number and (sbyte or byte or short or ushort or int or uint or long or ulong or decimal):
                text.Append(number.ToString(null, CultureInfo.InvariantCulture));
                break;
            default:
                text.Append(value.ToJsonString());
                break;
        }
    }

    private static void AppendString(StringBuilder text, string value)
    {
        text.Append('"');
        foreach (var character in value)
        {
            _ = character switch
            {
                '"' => text.Append("\\\""),
                '\\' => text.Append(@"\\"),
                '\n' => text.Append(@"\n"),
                '\r' => text.Append(@"\r"),
                '\t' => text.Append(@"\t"),
                '\b' => text.Append(@"\b"),
                '\f' => text.Append(@"\f"),
                < ' ' or > '~' => text.Append(CultureInfo.InvariantCulture, $"\\u{(int)character:x4}"),
                _ => text.Append(character),
            };
        }

        text.Append('"');
    }
}
