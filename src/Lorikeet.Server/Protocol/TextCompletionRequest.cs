using System.Text.Json.Serialization;

namespace Lorikeet.Server.Protocol;

/// <summary>The body of POST /v1/completions.</summary>
internal sealed record TextCompletionRequest : CompletionsRequest
{
    [JsonConverter(typeof(PromptsConverter))]
    public IReadOnlyList<PromptText>? Prompt { get; init; }

    public bool? Echo { get; init; }

    public string? Suffix { get; init; }

    /// <summary>How many of the most likely tokens are named at each place.</summary>
    public int? Logprobs { get; init; }

    /// <summary>Refused where it is more than n: all that are made are given.</summary>
    public int? BestOf { get; init; }

    public WireFormat? ResponseFormat { get; init; }
}
