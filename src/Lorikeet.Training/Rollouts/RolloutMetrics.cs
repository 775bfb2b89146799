using Lorikeet.Models.Rewards;

namespace Lorikeet.Training.Rollouts;

/// <summary>What is measured of the answers of a round, by the names of TRL.</summary>
internal static class RolloutMetrics
{
    /// <summary>The metrics, in the order to show them.</summary>
    /// <param name="round">The round.</param>
    /// <param name="rewards">What scored it; null for answers of a file.</param>
    public static IEnumerable<KeyValuePair<string, double>> Of(RolloutRound round, RewardSum? rewards)
    {
        yield return new("reward", round.Advantages.MeanReward);
        yield return new("reward_std", round.Advantages.Spread);
        yield return new("frac_reward_zero_std", round.Advantages.ShareWithoutSpread);
        foreach (var (i, reward) in (rewards?.Rewards ?? []).Index())
        {
            double[] known =
                [.. round.Rollouts.Select(rollout => rollout.Scores[i]).Where(score => !double.IsNaN(score))];
            if (known.Length == 0)
                continue;
            yield return new($"rewards/{reward.Name}/mean", known.Average());
            yield return new($"rewards/{reward.Name}/std", known.Length > 1 ? GroupAdvantages.Deviation(known) : 0);
        }

        int[] lengths = [.. round.Rollouts.Select(rollout => rollout.Ids.Length)];
        int[] ended = [.. round.Rollouts.Where(rollout => !rollout.IsTruncated).Select(rollout => rollout.Ids.Length)];
        yield return new("completions/mean_length", lengths.Average());
        yield return new("completions/min_length", lengths.Min());
        yield return new("completions/max_length", lengths.Max());
        yield return new("completions/clipped_ratio", 1 - (double)ended.Length / lengths.Length);
        yield return new("completions/mean_terminated_length", ended.Length > 0 ? ended.Average() : 0);
        yield return new("completions/min_terminated_length", ended.Length > 0 ? ended.Min() : 0);
        yield return new("completions/max_terminated_length", ended.Length > 0 ? ended.Max() : 0);
    }
}
