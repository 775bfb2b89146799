namespace Lorikeet.Models.Generation;

/// <summary>What a step added to an answer.</summary>
/// <param name="Text">
/// Text that became certain: whole characters, and no beginning of a stop string. Empty without a tokenizer.
/// </param>
/// <param name="Tokens">The tokens that were chosen, an end token included; their text may come later.</param>
/// <param name="Finish">Why the answer ended; null before the last piece.</param>
public sealed record DecodedPiece(string Text, IReadOnlyList<DecodedToken> Tokens, FinishReason? Finish)
{
    /// <summary>What the request has taken up to here.</summary>
    public required TokenUsage Usage { get; init; }

    /// <summary>
    /// The prompt's tokens from the second on (nothing foretells the first), with the first piece of a request that
    /// wanted their log-probabilities.
    /// </summary>
    public IReadOnlyList<DecodedToken>? Prompt { get; init; }
}

/// <summary>A token of a prompt or an answer.</summary>
/// <param name="Id">Its id.</param>
/// <param name="LogProbability">
/// Natural logarithm of the probability that the model gave it, before any option changed it; NaN where none was asked
/// for.
/// </param>
/// <param name="Top">The most likely tokens at its place, best first; empty where none were asked for.</param>
public sealed record DecodedToken(int Id, double LogProbability, IReadOnlyList<TokenProbability> Top);

/// <summary>A token that might have been chosen.</summary>
/// <param name="Id">Its id.</param>
/// <param name="LogProbability">Natural logarithm of the probability that the model gave it.</param>
public readonly record struct TokenProbability(int Id, double LogProbability);

/// <summary>Tokens that a request took.</summary>
/// <param name="PromptTokens">Of the prompt.</param>
/// <param name="CachedTokens">Those of the prompt that were not read, as others had read them before.</param>
/// <param name="CompletionTokens">Of the answer, an end token included.</param>
public readonly record struct TokenUsage(int PromptTokens, int CachedTokens, int CompletionTokens);
