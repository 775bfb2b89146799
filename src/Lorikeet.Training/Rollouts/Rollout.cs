namespace Lorikeet.Training.Rollouts;

/// <summary>An answer that was drawn, and what it is worth.</summary>
/// <param name="Ids">Its tokens, an end token included.</param>
/// <param name="Reward">The weighted sum of its rewards.</param>
internal sealed record Rollout(int[] Ids, double Reward)
{
    /// <summary>What each reward gave, in their order; NaN where one has nothing to say.</summary>
    /// <value>Empty: a file gives the sum alone.</value>
    public IReadOnlyList<double> Scores { get; init; } = [];

    /// <summary>Whether it was cut before the model ended it.</summary>
    public bool IsTruncated { get; init; }

    /// <summary>Its text; null where it is not known.</summary>
    public string? Text { get; init; }
}

/// <summary>The answers to one question, which are compared with each other.</summary>
/// <param name="PromptIds">Tokens of the question.</param>
/// <param name="Rollouts">At least two.</param>
internal sealed record RolloutGroup(int[] PromptIds, IReadOnlyList<Rollout> Rollouts);
