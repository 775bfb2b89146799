using System.Text.Json.Nodes;
using Lorikeet.Formats.Json;

namespace Lorikeet.Cli.Inference;

/// <summary>JSON as the verbs print it: letters of every language as they are.</summary>
internal static class JsonText
{
    /// <summary>JSON in one line.</summary>
    public static string Line(JsonNode node) => node.ToJsonString(JsonFormats.Line);

    /// <summary>For people to read.</summary>
    public static string Indented(JsonNode node) => node.ToJsonString(JsonFormats.Indented);

    /// <summary>A list of numbers.</summary>
    public static JsonArray Numbers(IEnumerable<int> numbers) => new([.. numbers.Select(number => (JsonNode)number)]);

    /// <summary>A list of pairs: starts and ends.</summary>
    public static JsonArray Ranges(IEnumerable<(int Start, int End)> ranges) =>
        new([.. ranges.Select(range => (JsonNode)new JsonArray(range.Start, range.End))]);

    /// <summary>A list of texts.</summary>
    public static JsonArray Texts(IEnumerable<string> texts) => new([.. texts.Select(text => (JsonNode)text)]);
}
