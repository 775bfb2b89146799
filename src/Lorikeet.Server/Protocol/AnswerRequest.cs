using System.Text.Json;
using System.Text.Json.Serialization;

namespace Lorikeet.Server.Protocol;

/// <summary>What every request for an answer may say of how it is chosen: OpenAI's arguments, then vLLM's.</summary>
internal abstract record AnswerRequest : RequestRecord
{
    public string? Model { get; init; }

    public bool? Stream { get; init; }

    public double? Temperature { get; init; }

    public double? TopP { get; init; }

    public int? TopK { get; init; }

    public double? MinP { get; init; }

    public double? RepetitionPenalty { get; init; }

    public double? PresencePenalty { get; init; }

    public double? FrequencyPenalty { get; init; }

    public long? Seed { get; init; }

    [JsonConverter(typeof(TextsConverter))]
    public IReadOnlyList<string>? Stop { get; init; }

    public IReadOnlyList<int>? StopTokenIds { get; init; }

    public bool? IgnoreEos { get; init; }

    public int? MinTokens { get; init; }

    /// <summary>Added to the logits, by token id.</summary>
    public IReadOnlyDictionary<string, float>? LogitBias { get; init; }

    /// <summary>JSON schema that the answer follows, or true for any object.</summary>
    public JsonElement? GuidedJson { get; init; }

    public string? GuidedRegex { get; init; }

    public IReadOnlyList<string>? GuidedChoice { get; init; }

    /// <summary>The same three, as newer versions of vLLM have them.</summary>
    public WireForms? StructuredOutputs { get; init; }

    // Taken, for clients send them, and without effect on an answer: who asks, labels, and where it is accounted for.
    public string? User { get; init; }

    public JsonElement? Metadata { get; init; }

    public string? ServiceTier { get; init; }

    public string? SafetyIdentifier { get; init; }

    public string? PromptCacheKey { get; init; }
}

/// <summary>What requests for completions have in common beyond that.</summary>
internal abstract record CompletionsRequest : AnswerRequest
{
    public int? MaxTokens { get; init; }

    public int? N { get; init; }

    public StreamOptions? StreamOptions { get; init; }
}

/// <summary>What a stream says besides the answer.</summary>
/// <param name="IncludeUsage">Whether its last chunk has the usage, and no choices.</param>
/// <param name="ContinuousUsageStats">Whether each chunk has the usage up to there, as vLLM's have.</param>
internal sealed record StreamOptions(bool? IncludeUsage, bool? ContinuousUsageStats);

/// <summary>What an answer must look like, in vLLM's words; one of them.</summary>
internal sealed record WireForms
{
    public JsonElement? Json { get; init; }

    public string? Regex { get; init; }

    public IReadOnlyList<string>? Choice { get; init; }

    public bool? JsonObject { get; init; }

    /// <summary>Refused.</summary>
    public string? Grammar { get; init; }
}
