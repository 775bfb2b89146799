using System.Text.Json;
using System.Text.Json.Serialization;

namespace Lorikeet.Server.Protocol;

/// <summary>The answer of POST /v1/responses.</summary>
internal sealed record ResponseObject
{
    public required string Id { get; init; }

    public string Object { get; init; } = "response";

    public required long CreatedAt { get; init; }

    /// <summary>in_progress, completed, incomplete or failed.</summary>
    public required string Status { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public ResponseError? Error { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public IncompleteDetails? IncompleteDetails { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? Instructions { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public int? MaxOutputTokens { get; init; }

    public required string Model { get; init; }

    public required IReadOnlyList<OutputItem> Output { get; init; }

    public required bool ParallelToolCalls { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? PreviousResponseId { get; init; }

    public required bool Store { get; init; }

    public required double Temperature { get; init; }

    public required double TopP { get; init; }

    public required ResponseText Text { get; init; }

    public required JsonElement ToolChoice { get; init; }

    public required IReadOnlyList<ResponseTool> Tools { get; init; }

    public string Truncation { get; init; } = "disabled";

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public ResponseUsage? Usage { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public JsonElement? Metadata { get; init; }
}

/// <summary>Why a response failed.</summary>
internal sealed record ResponseError(string Code, string Message);

/// <summary>Why a response ended before its end: max_output_tokens.</summary>
internal sealed record IncompleteDetails(string Reason);

/// <summary>The tokens that a response took.</summary>
internal sealed record ResponseUsage(
    int InputTokens, PromptTokensDetails InputTokensDetails, int OutputTokens, OutputTokensDetails OutputTokensDetails,
    int TotalTokens);

/// <summary>Those that were thought and not said; models here say all.</summary>
internal sealed record OutputTokensDetails(int ReasoningTokens);

/// <summary>A message, a call of a function, or a thought.</summary>
internal sealed record OutputItem
{
    public required string Type { get; init; }

    public required string Id { get; init; }

    /// <summary>in_progress, completed or incomplete.</summary>
    public required string Status { get; init; }

    public string? Role { get; init; }

    /// <summary>Of a thought, always empty: nobody sums thoughts up here.</summary>
    public IReadOnlyList<JsonElement>? Summary { get; init; }

    public IReadOnlyList<OutputPart>? Content { get; init; }

    public string? CallId { get; init; }

    public string? Name { get; init; }

    public string? Arguments { get; init; }
}

/// <summary>
/// A part of a message, whose type is output_text, or of a thought: reasoning_text, without the rest.
/// </summary>
internal sealed record OutputPart(
    string Type, string Text, IReadOnlyList<JsonElement>? Annotations, IReadOnlyList<ChatTokenProbability>? Logprobs)
{
    /// <summary>Text of a thought.</summary>
    public static OutputPart OfThought(string text) => new("reasoning_text", text, null, null);

    /// <summary>Text of an answer.</summary>
    public static OutputPart Of(string text, IReadOnlyList<ChatTokenProbability> probabilities) =>
        new("output_text", text, [], probabilities);
}

/// <summary>The last event of a streamed response that fails after it began.</summary>
internal sealed record ResponseFault(
    string Type,
    string Code,
    string Message,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Param,
    int SequenceNumber);

/// <summary>An event of a streamed response; which of the properties it has, its type says.</summary>
internal sealed record ResponseEvent
{
    public required string Type { get; init; }

    public required int SequenceNumber { get; init; }

    public ResponseObject? Response { get; init; }

    public int? OutputIndex { get; init; }

    public string? ItemId { get; init; }

    public int? ContentIndex { get; init; }

    public OutputItem? Item { get; init; }

    public OutputPart? Part { get; init; }

    public string? Delta { get; init; }

    public string? Text { get; init; }

    public string? Name { get; init; }

    public string? Arguments { get; init; }

    public IReadOnlyList<ChatTokenProbability>? Logprobs { get; init; }
}
