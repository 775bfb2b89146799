using Lorikeet.Models.Generation;

namespace Lorikeet.Serving;

/// <summary>A text, outside any conversation, that a <see cref="ModelHost"/> is to continue.</summary>
public sealed record CompletionRequest
{
    /// <inheritdoc cref="ChatRequest.Model"/>
    public string? Model { get; init; }

    /// <summary>The text, as it stands; either this or <see cref="PromptIds"/>.</summary>
    public string? Prompt { get; init; }

    /// <summary>The same as token ids, special tokens included.</summary>
    public IReadOnlyList<int>? PromptIds { get; init; }

    /// <summary>
    /// Text that should follow what is added. Models here only continue, so any but an empty one is refused.
    /// </summary>
    public string? Suffix { get; init; }

    /// <summary>
    /// Whether the first piece of each answer begins with the prompt, and with its log-probabilities where
    /// <see cref="TopLogProbabilities"/> asks for any.
    /// </summary>
    public bool Echo { get; init; }

    /// <summary>What the continuation must look like.</summary>
    /// <value><see cref="ResponseFormat.Text"/>: anything.</value>
    public ResponseFormat ResponseFormat { get; init; } = ResponseFormat.Text;

    /// <summary>
    /// How to continue; null for <see cref="ServedModel.Generation"/> without the stop strings of its prompt format.
    /// Without end tokens of its own it takes the model's.
    /// </summary>
    public GenerationOptions? Generation { get; init; }

    /// <summary>
    /// Whether nothing is added to the text, whatever <see cref="Generation"/> says: with <see cref="Echo"/> and
    /// <see cref="TopLogProbabilities"/> it is scored.
    /// </summary>
    public bool ScoresOnly { get; init; }

    /// <inheritdoc cref="DecodingRequest.LogitBias"/>
    public IReadOnlyDictionary<int, float>? LogitBias { get; init; }

    /// <inheritdoc cref="DecodingRequest.TopLogProbabilities"/>
    public int? TopLogProbabilities { get; init; }

    /// <inheritdoc cref="DecodingRequest.IgnoreEnd"/>
    public bool IgnoreEnd { get; init; }

    /// <inheritdoc cref="ChatRequest.Answers"/>
    public int Answers { get; init; } = 1;
}

/// <summary>What has come of a continuation since the piece before.</summary>
/// <param name="Answer">Which of <see cref="CompletionRequest.Answers"/> it belongs to, from 0.</param>
/// <param name="Text">Text that became certain, whole characters.</param>
public sealed record CompletionPiece(int Answer, string Text)
{
    /// <summary>The tokens that were chosen; the text of the last of them may come later.</summary>
    public IReadOnlyList<DecodedToken> Tokens { get; init; } = [];

    /// <inheritdoc cref="DecodedPiece.Prompt"/>
    public IReadOnlyList<DecodedToken>? Prompt { get; init; }

    /// <summary>Why it ended, with its last piece; null before.</summary>
    public FinishReason? Finish { get; init; }

    /// <inheritdoc cref="ChatPiece.UsageSoFar"/>
    public required TokenUsage UsageSoFar { get; init; }

    /// <inheritdoc cref="ChatPiece.Usage"/>
    public TokenUsage? Usage { get; init; }
}
