namespace Lorikeet.Models.Generation;

/// <summary>Why a text ended.</summary>
public enum FinishReason
{
    /// <summary>The model chose an end token.</summary>
    EndToken,

    /// <summary>A stop string appeared.</summary>
    StopString,

    /// <summary>The length limit was reached.</summary>
    Length,

    /// <summary>The caller cancelled; what was generated so far is returned.</summary>
    Cancelled,
}

/// <summary>What the model added to one prompt.</summary>
/// <param name="PromptIds">The prompt.</param>
/// <param name="OutputIds">The added tokens, an end token included; the prompt is not.</param>
/// <param name="Text">
/// The added text without special tokens and without the stop string; null when there is no tokenizer.
/// </param>
/// <param name="Finish">Why it ended.</param>
/// <param name="Score">Beam search: sum of log-probabilities over length^length_penalty; null otherwise.</param>
public sealed record Continuation(
    IReadOnlyList<int> PromptIds, IReadOnlyList<int> OutputIds, string? Text, FinishReason Finish,
    double? Score = null);

/// <summary>Continuations in the order of their prompts, and how fast they came.</summary>
/// <param name="Continuations">One for each prompt.</param>
/// <param name="Tokens">Tokens added, all prompts together.</param>
/// <param name="Seconds">Time from the first prompt read to the last token.</param>
public sealed record GenerationResult(IReadOnlyList<Continuation> Continuations, long Tokens, double Seconds)
{
    /// <summary>Tokens added per second.</summary>
    public double TokensPerSecond => Seconds > 0 ? Tokens / Seconds : 0;
}

/// <summary>A piece of a text that is being generated.</summary>
/// <param name="Text">
/// Text that is certain: whole characters, and no beginning of a stop string. May be empty at the end.
/// </param>
/// <param name="Result">The whole continuation, with the last piece only.</param>
public sealed record GeneratedPiece(string Text, Continuation? Result);
