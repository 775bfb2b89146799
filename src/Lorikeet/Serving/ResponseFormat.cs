using System.Text.Json.Nodes;
using Lorikeet.Formats.Json;

namespace Lorikeet.Serving;

/// <summary>What an answer must look like. Tokens that would leave the form are never chosen.</summary>
public sealed record ResponseFormat
{
    private ResponseFormat(string kind) => Kind = kind;

    /// <summary>Anything.</summary>
    public static ResponseFormat Text { get; } = new("text");

    /// <summary>A JSON object.</summary>
    public static ResponseFormat JsonObject { get; } = new("json_object");

    /// <summary><c>text</c>, <c>json_object</c>, <c>json_schema</c> or <c>regex</c>.</summary>
    public string Kind { get; }

    /// <summary>The schema of <see cref="JsonSchema"/>, as text.</summary>
    public string? Schema { get; private init; }

    /// <summary>The pattern of <see cref="Regex"/>.</summary>
    public string? Pattern { get; private init; }

    /// <summary>JSON that a schema describes.</summary>
    /// <param name="schema">A JSON schema; properties are written in its order.</param>
    public static ResponseFormat JsonSchema(JsonNode schema) =>
        new("json_schema") { Schema = schema.ToJsonString(JsonFormats.Line) };

    /// <summary>Text that a regular expression describes as a whole.</summary>
    /// <param name="pattern">The expression, without anchors.</param>
    public static ResponseFormat Regex(string pattern) => new("regex") { Pattern = pattern };
}
