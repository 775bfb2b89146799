using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Lorikeet.Formats.Json;

/// <summary>
/// How JSON is written for people and for programs other than Python's (<see cref="PythonJson"/>): letters of every
/// language as they are, lines ended by a line feed on every system.
/// </summary>
public static class JsonFormats
{
    /// <summary>On one line.</summary>
    public static JsonSerializerOptions Line { get; } = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        TypeInfoResolver = new DefaultJsonTypeInfoResolver(), // programs of one file turn reflection off elsewhere
    };

    /// <summary>Two spaces a level.</summary>
    public static JsonSerializerOptions Indented { get; } = new(Line) { WriteIndented = true, NewLine = "\n" };

    /// <summary>The same with properties in snake_case.</summary>
    public static JsonSerializerOptions IndentedSnakeCase { get; } =
        new(Indented) { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
}
