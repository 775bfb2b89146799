using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lorikeet.Server.Protocol;
using Lorikeet.Serving;

namespace Lorikeet.Server.Endpoints;

/// <summary>What an answer must look like, by OpenAI's response_format or vLLM's guided_json and the like.</summary>
internal static class AnswerForms
{
    private const string Kinds = "text, json_object or json_schema";

    /// <summary>The form that a request asks for.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="given">Its response_format; null for none.</param>
    /// <exception cref="ApiException">It is none, or there are two.</exception>
    public static ResponseFormat Of(AnswerRequest request, WireFormat? given)
    {
        var asked = new List<(string Name, ResponseFormat Form)>();
        if (given is not null)
        {
            const string name = "response_format";
            asked.Add((name, Of(name, given.Type, given.JsonSchema?.Schema, name + ".json_schema.schema")));
        }
        if (request.GuidedJson is { ValueKind: not JsonValueKind.Null } schema)
            asked.Add(("guided_json", OfSchema("guided_json", schema)));
        if (request.GuidedRegex is { } pattern)
            asked.Add(("guided_regex", ResponseFormat.Regex(pattern)));
        if (request.GuidedChoice is { } choices)
            asked.Add(("guided_choice", OfChoices("guided_choice", choices)));
        if (request.StructuredOutputs is { } structured)
            asked.AddRange(Of(structured));
        asked.RemoveAll(form => form.Form.Kind == ResponseFormat.Text.Kind);
        return asked switch
        {
            [] => ResponseFormat.Text,
            [var (_, form)] => form,
            [var (first, _), var (second, _), ..] => throw ApiException.Wrong(
                second, $"'{first}' and '{second}' are both given. Expected one form of the answer."),
        };
    }

    /// <summary>The form of a response's text.</summary>
    /// <exception cref="ApiException">It is none.</exception>
    public static ResponseFormat Of(ResponseRequest request)
    {
        var form = Of(request, given: null);
        if (request.Text?.Format is not { } format)
            return form;
        var ofText = Of("text.format", format.Type, format.Schema, "text.format.schema");
        return form.Kind == ResponseFormat.Text.Kind ? ofText
            : throw ApiException.Wrong(
                "text.format", "'text.format' and a guided form are both given. Expected one of them.");
    }

    private static ResponseFormat Of(string param, string? type, JsonElement? schema, string schemaParam) => type switch
    {
        "text" => ResponseFormat.Text,
        "json_object" => ResponseFormat.JsonObject,
        "json_schema" when schema is { } given => OfSchema(schemaParam, given),
        "json_schema" => throw ApiException.Missing(schemaParam, "a JSON schema"),
        null => throw ApiException.Missing($"{param}.type", Kinds),
        _ => throw ApiException.Unexpected($"{param}.type", $"'{type}'", Kinds),
    };

    /// <summary>The form of a schema, which vLLM's clients write as text too.</summary>
    private static ResponseFormat OfSchema(string param, JsonElement schema)
    {
        try
        {
            var node = schema.ValueKind == JsonValueKind.String
                ? JsonNode.Parse(schema.GetString()!)
                : JsonNode.Parse(schema.GetRawText());
            if (node?.GetValueKind() is JsonValueKind.Object or JsonValueKind.True or JsonValueKind.False)
                return ResponseFormat.JsonSchema(node!);
        }
        catch (Exception fault) when (fault is JsonException or ArgumentException or InvalidOperationException)
        {
            // Said below.
        }

        throw ApiException.Unexpected(param, JsonWords.Of(schema), "a JSON schema: an object");
    }

    private static IEnumerable<(string Name, ResponseFormat Form)> Of(WireForms forms)
    {
        const string name = "structured_outputs";
        if (forms.Grammar is not null)
            throw ApiException.Unexpected($"{name}.grammar", "a text", "none: 'regex' and 'json' are offered");
        if (forms.Json is { ValueKind: not JsonValueKind.Null } schema)
            yield return ($"{name}.json", OfSchema($"{name}.json", schema));
        if (forms.Regex is { } pattern)
            yield return ($"{name}.regex", ResponseFormat.Regex(pattern));
        if (forms.Choice is { } choices)
            yield return ($"{name}.choice", OfChoices($"{name}.choice", choices));
        if (forms.JsonObject == true)
            yield return ($"{name}.json_object", ResponseFormat.JsonObject);
    }

    private static ResponseFormat OfChoices(string param, IReadOnlyList<string?> choices)
    {
        if (choices.Count == 0)
            throw ApiException.Unexpected(param, "an empty array", "at least one text");
        for (var i = 0; i < choices.Count; i++)
        {
            if (choices[i] is null)
                throw ApiException.Unexpected($"{param}[{i}]", null, "a text");
        }

        return ResponseFormat.Regex(string.Join('|', choices.Select(choice => Regex.Escape(choice!))));
    }
}
