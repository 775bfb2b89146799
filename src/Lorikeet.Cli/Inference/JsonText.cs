using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lorikeet.Cli.Inference;

/// <summary>JSON as the verbs print it: letters of every language as they are.</summary>
internal static class JsonText
{
    private static readonly JsonSerializerOptions s_line = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonSerializerOptions s_indented = new(s_line) { WriteIndented = true };

    /// <summary>In one line.</summary>
    public static string Line(JsonNode node) => node.ToJsonString(s_line);

    /// <summary>For people to read.</summary>
    public static string Indented(JsonNode node) => node.ToJsonString(s_indented);

    /// <summary>A list of numbers.</summary>
    public static JsonArray Numbers(IEnumerable<int> numbers) => new([.. numbers.Select(number => (JsonNode)number)]);

    /// <summary>A list of pairs: starts and ends.</summary>
    public static JsonArray Ranges(IEnumerable<(int Start, int End)> ranges) =>
        new([.. ranges.Select(range => (JsonNode)new JsonArray(range.Start, range.End))]);

    /// <summary>A list of texts.</summary>
    public static JsonArray Texts(IEnumerable<string> texts) => new([.. texts.Select(text => (JsonNode)text)]);
}
