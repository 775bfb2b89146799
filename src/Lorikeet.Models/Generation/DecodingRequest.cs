using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Generation;

/// <summary>A prompt to be continued by a <see cref="DecodingEngine"/>.</summary>
public sealed record DecodingRequest
{
    /// <summary>Token ids, special tokens included; at least one.</summary>
    public required IReadOnlyList<int> Prompt { get; init; }

    /// <summary>How it is continued. A beam search is refused: its answer is known at the end.</summary>
    public required GenerationOptions Options { get; init; }

    /// <summary>The adapter that answers; null for the base. It must be one of the engine's model.</summary>
    public ModelAdapter? Adapter { get; init; }

    /// <summary>
    /// How many of the most likely tokens are named beside each with their log-probabilities: 0 for the chosen one's
    /// alone, null for none at all.
    /// </summary>
    public int? TopLogProbabilities { get; init; }

    /// <summary>
    /// What is added to the logits of tokens, before anything else changes them; null for that of
    /// <see cref="Options"/>.
    /// </summary>
    public IReadOnlyDictionary<int, float>? LogitBias { get; init; }

    /// <summary>What the answer must look like; it serves this request alone.</summary>
    public TokenConstraint? Constraint { get; init; }

    /// <summary>
    /// Whether end tokens are tokens as others are, so that only a limit or a stop string ends the answer.
    /// </summary>
    public bool IgnoreEnd { get; init; }

    /// <summary>
    /// Whether the log-probabilities of the prompt's tokens are wanted too; the first piece has them. All of the
    /// prompt is then read, whatever others have read of it.
    /// </summary>
    public bool PromptLogProbabilities { get; init; }

    /// <summary>
    /// Whether the prompt is only read, for its log-probabilities, and nothing is added to it, whatever the options say
    /// of lengths.
    /// </summary>
    public bool ScoresOnly { get; init; }

    /// <summary>
    /// Which of several answers to one prompt this is, from 0: it keys the random numbers, so that answers drawn with
    /// one seed differ.
    /// </summary>
    public int Repetition { get; init; }
}
