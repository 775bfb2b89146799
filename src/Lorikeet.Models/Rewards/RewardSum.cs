namespace Lorikeet.Models.Rewards;

/// <summary>Several rewards, each with its weight: what an answer gets is their weighted sum.</summary>
public sealed class RewardSum
{
    /// <summary>Puts rewards together.</summary>
    /// <param name="rewards">At least one; no two of a name.</param>
    /// <param name="weights">One for each; empty for 1 each.</param>
    /// <exception cref="ConfigurationException">
    /// There is none, two have the same name, or the weights are not as many.
    /// </exception>
    public RewardSum(IReadOnlyList<Reward> rewards, IReadOnlyList<double> weights)
    {
        if (rewards.Count == 0)
            throw new ConfigurationException(
                $"'reward_funcs' is empty, so that no answer is better than another. Expected {BuiltInRewards.Known}, "
                + "or a reward made in code.");
        if (rewards.CountBy(reward => reward.Name).FirstOrDefault(pair => pair.Value > 1).Key is { } twice)
            throw new ConfigurationException($"'reward_funcs' holds '{twice}' twice. Give it once, with its weight.");
        if (weights.Count > 0 && weights.Count != rewards.Count)
            throw new ConfigurationException(
                $"'reward_weights' has {weights.Count} numbers for {rewards.Count} rewards "
                + $"({string.Join(", ", rewards.Select(reward => reward.Name))}). One for each was expected, or none.");
        (Rewards, Weights) = (rewards, weights.Count > 0 ? weights : [.. rewards.Select(_ => 1.0)]);
    }

    /// <summary>The rewards.</summary>
    public IReadOnlyList<Reward> Rewards { get; }

    /// <summary>The weight of each.</summary>
    public IReadOnlyList<double> Weights { get; }

    /// <summary>The first reward that compares with known answers; null where none does.</summary>
    public Reward? Comparing => Rewards.FirstOrDefault(reward => reward.NeedsAnswers);

    /// <summary>Scores answers by every reward.</summary>
    /// <param name="answers">The answers.</param>
    /// <param name="cancellation">Ends the scoring.</param>
    /// <returns>Of each answer, the numbers of the rewards in their order; NaN where one has nothing to say.</returns>
    public IReadOnlyList<double[]> Score(
        IReadOnlyList<Completion> answers, CancellationToken cancellation = default)
    {
        var columns = Rewards.Select(reward => reward.Score(answers, cancellation)).ToArray();
        return [.. answers.Select((_, i) => columns.Select(column => column[i]).ToArray())];
    }

    /// <summary>What an answer gets: the weighted sum of the rewards that have something to say.</summary>
    /// <param name="scores">Its numbers.</param>
    public double Total(IReadOnlyList<double> scores)
    {
        var sum = 0.0;
        for (var i = 0; i < scores.Count; i++)
            if (!double.IsNaN(scores[i]))
                sum += Weights[i] * scores[i];
        return sum;
    }
}
