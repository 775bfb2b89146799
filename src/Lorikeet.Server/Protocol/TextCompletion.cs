using System.Text.Json.Serialization;

namespace Lorikeet.Server.Protocol;

/// <summary>The answer of POST /v1/completions, or a part of it in a stream.</summary>
internal sealed record TextCompletion(
    string Id, string Object, long Created, string Model, IReadOnlyList<TextChoice> Choices)
{
    /// <summary>Of the last chunk, or of each up to there, where it was asked for; else null.</summary>
    public WireUsage? Usage { get; init; }
}

/// <summary>One of its choices.</summary>
internal sealed record TextChoice(
    int Index, string Text,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] TextLogProbabilities? Logprobs,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? FinishReason);

/// <summary>Log-probabilities of the tokens of a continuation, and of an echoed prompt, whose first has none.</summary>
internal sealed record TextLogProbabilities(
    List<string> Tokens, List<double?> TokenLogprobs, List<Dictionary<string, double>?> TopLogprobs,
    List<int> TextOffset)
{
    /// <summary>Those of two parts of a text.</summary>
    public static TextLogProbabilities? Join(TextLogProbabilities? first, TextLogProbabilities? second) =>
        first is null || second is null ? first ?? second : new TextLogProbabilities(
            [.. first.Tokens, .. second.Tokens], [.. first.TokenLogprobs, .. second.TokenLogprobs],
            [.. first.TopLogprobs, .. second.TopLogprobs], [.. first.TextOffset, .. second.TextOffset]);
}
