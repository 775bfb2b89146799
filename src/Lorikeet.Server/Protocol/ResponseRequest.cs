using System.Text.Json;
using System.Text.Json.Serialization;

namespace Lorikeet.Server.Protocol;

/// <summary>The body of POST /v1/responses.</summary>
internal sealed record ResponseRequest : AnswerRequest
{
    [JsonConverter(typeof(InputConverter))]
    public IReadOnlyList<InputItem>? Input { get; init; }

    /// <summary>The system message of this request alone.</summary>
    public string? Instructions { get; init; }

    /// <summary>Goes on from a response that is kept.</summary>
    public string? PreviousResponseId { get; init; }

    /// <summary>Whether the response is kept, to go on from and to be fetched; so unless false.</summary>
    public bool? Store { get; init; }

    public int? MaxOutputTokens { get; init; }

    public IReadOnlyList<ResponseTool>? Tools { get; init; }

    /// <summary>"auto", "none", "required", or {"type": "function", "name": ...}.</summary>
    public JsonElement? ToolChoice { get; init; }

    public bool? ParallelToolCalls { get; init; }

    public ResponseText? Text { get; init; }

    public int? TopLogprobs { get; init; }

    /// <summary>What the response has besides; of it message.output_text.logprobs is known.</summary>
    public IReadOnlyList<string>? Include { get; init; }

    public StreamOptions? StreamOptions { get; init; }

    /// <summary>Refused where it is not "disabled": nothing of a conversation is left out.</summary>
    public string? Truncation { get; init; }

    /// <summary>How much the model thinks first.</summary>
    public WireReasoning? Reasoning { get; init; }

    /// <summary>Refused where true: a response is given to who asked.</summary>
    public bool? Background { get; init; }
}

/// <summary>How much a model thinks before it answers.</summary>
/// <param name="Effort">As reasoning_effort of a chat completion.</param>
internal sealed record WireReasoning(string? Effort);

/// <summary>What a response may have as text.</summary>
/// <param name="Format">What it looks like.</param>
internal sealed record ResponseText(ResponseTextFormat? Format);

/// <summary>text, json_object, or json_schema with the schema beside it.</summary>
internal sealed record ResponseTextFormat
{
    public string? Type { get; init; }

    public string? Name { get; init; }

    public string? Description { get; init; }

    public JsonElement? Schema { get; init; }

    public bool? Strict { get; init; }
}

/// <summary>A function that the model may call.</summary>
internal sealed record ResponseTool
{
    public string? Type { get; init; }

    public string? Name { get; init; }

    public string? Description { get; init; }

    public JsonElement? Parameters { get; init; }

    public bool? Strict { get; init; }
}

/// <summary>What a conversation is made of: messages, calls of functions, and their results.</summary>
internal sealed record InputItem
{
    public string? Type { get; init; }

    public string? Role { get; init; }

    [JsonConverter(typeof(ContentConverter))]
    public string? Content { get; init; }

    public string? CallId { get; init; }

    public string? Name { get; init; }

    public string? Arguments { get; init; }

    [JsonConverter(typeof(ContentConverter))]
    public string? Output { get; init; }
}

/// <summary>A text of the user, or items.</summary>
internal sealed class InputConverter : JsonConverter<IReadOnlyList<InputItem>>
{
    public override IReadOnlyList<InputItem>? Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.String)
            return [new InputItem { Role = "user", Content = reader.GetString() }];
        if (reader.TokenType != JsonTokenType.StartArray)
            throw new UnexpectedJsonException("a text or an array of items");
        return JsonSerializer.Deserialize(ref reader, ProtocolJson.Wire.IReadOnlyListInputItem);
    }

    public override void Write(Utf8JsonWriter writer, IReadOnlyList<InputItem> value, JsonSerializerOptions options) =>
        throw new NotSupportedException("Input is only read.");
}
