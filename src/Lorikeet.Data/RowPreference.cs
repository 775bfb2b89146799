namespace Lorikeet.Data;

/// <summary>
/// What preference data says of a row's answers: a pair, the chosen answer and then the rejected one, each after the
/// prompt and by itself; or one answer that is wanted or not.
/// </summary>
/// <param name="PromptLength">Tokens before an answer.</param>
/// <param name="RejectedStart">
/// Where the prompt begins again, before the rejected answer; null for an answer that is not of a pair.
/// </param>
/// <param name="IsDesirable">Whether the first answer is wanted; of a pair it is.</param>
public sealed record RowPreference(int PromptLength, int? RejectedStart, bool IsDesirable);

/// <summary>What a run learns from preference data.</summary>
public enum PreferenceUse
{
    /// <summary>The chosen answers, as any others; rejected ones are not used.</summary>
    None,

    /// <summary>Which of two answers is better (DPO, ORPO).</summary>
    Pairs,

    /// <summary>Which answers are wanted and which are not (KTO); of a pair, the chosen one is.</summary>
    Labels,
}
