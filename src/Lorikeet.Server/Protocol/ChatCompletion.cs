using System.Text.Json.Serialization;

namespace Lorikeet.Server.Protocol;

/// <summary>The answer of POST /v1/chat/completions.</summary>
internal sealed record ChatCompletion(
    string Id, string Object, long Created, string Model, IReadOnlyList<ChatChoice> Choices, WireUsage Usage);

/// <summary>One of its choices.</summary>
internal sealed record ChatChoice(
    int Index, AnswerMessage Message,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] ChatLogProbabilities? Logprobs, string FinishReason);

/// <summary>What the model says.</summary>
internal sealed record AnswerMessage(
    string Role,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Content,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Refusal,
    string? ReasoningContent,
    IReadOnlyList<WireToolCall>? ToolCalls);

/// <summary>A part of a streamed answer.</summary>
internal sealed record ChatCompletionChunk(
    string Id, string Object, long Created, string Model, IReadOnlyList<ChatChunkChoice> Choices)
{
    /// <summary>Of the last chunk, or of each up to there, where it was asked for; else null.</summary>
    public WireUsage? Usage { get; init; }
}

/// <summary>What it adds to one of the choices.</summary>
internal sealed record ChatChunkChoice(
    int Index, ChatDelta Delta, ChatLogProbabilities? Logprobs,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? FinishReason);

/// <summary>What has come since the chunk before.</summary>
internal sealed record ChatDelta
{
    public string? Role { get; init; }

    public string? Content { get; init; }

    public string? ReasoningContent { get; init; }

    public IReadOnlyList<WireToolCall>? ToolCalls { get; init; }
}

/// <summary>Log-probabilities of the tokens of a chat answer.</summary>
internal sealed record ChatLogProbabilities(IReadOnlyList<ChatTokenProbability> Content)
{
    /// <summary>None: no answer is refused.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public IReadOnlyList<ChatTokenProbability>? Refusal { get; init; }
}

/// <summary>One token with the most likely ones at its place; bytes tell what is a part of a character.</summary>
internal sealed record ChatTokenProbability(
    string Token, double Logprob, IReadOnlyList<int> Bytes, IReadOnlyList<TopTokenProbability> TopLogprobs);

/// <summary>A token that might have been chosen.</summary>
internal sealed record TopTokenProbability(string Token, double Logprob, IReadOnlyList<int> Bytes);

/// <summary>The tokens that an answer took.</summary>
internal sealed record WireUsage(
    int PromptTokens, int CompletionTokens, int TotalTokens, PromptTokensDetails PromptTokensDetails);

/// <summary>Those of the prompt that were read before.</summary>
internal sealed record PromptTokensDetails(int CachedTokens);
