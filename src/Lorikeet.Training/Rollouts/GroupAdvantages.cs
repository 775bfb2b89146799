// What an answer is worth beside the others to its question, with r its reward:
//
//     A = (r - mean of the group) / (s + 1e-4)        s the deviation of the group or of all rewards; else no divisor
//
// Reference: TRL, GRPOTrainer._generate_and_score_completions; deviations have n - 1 below.
namespace Lorikeet.Training.Rollouts;

/// <summary>The advantages of the answers of a step.</summary>
internal sealed class GroupAdvantages
{
    private const double LeastDivisor = 1e-4;
    private const double Zero = 1e-8; // a deviation that is rounding

    /// <summary>Compares the answers of each group.</summary>
    /// <param name="groups">The rewards of each.</param>
    /// <param name="scaling">What distances are divided by.</param>
    public GroupAdvantages(IReadOnlyList<IReadOnlyList<double>> groups, RewardScaling scaling)
    {
        var means = groups.Select(rewards => rewards.Average()).ToArray();
        var deviations = groups.Select(Deviation).ToArray();
        var ofAll = Deviation([.. groups.SelectMany(rewards => rewards)]);
        Values =
        [
            .. groups.Select((rewards, i) => rewards.Select(reward => scaling switch
            {
                _ when deviations[i] <= Zero => 0, // not what rounding leaves of it
                RewardScaling.Group => (reward - means[i]) / (deviations[i] + LeastDivisor),
                RewardScaling.Batch => (reward - means[i]) / (ofAll + LeastDivisor),
                _ => reward - means[i],
            }).ToArray()),
        ];
        MeanReward = means.Average();
        Spread = scaling == RewardScaling.Batch ? ofAll : deviations.Average();
        ShareWithoutSpread = (double)deviations.Count(deviation => deviation <= Zero) / groups.Count;
    }

    /// <summary>By group and answer.</summary>
    public IReadOnlyList<double[]> Values { get; }

    /// <summary>The mean reward.</summary>
    public double MeanReward { get; }

    /// <summary>The deviation of rewards: the mean of the groups', or that of all.</summary>
    public double Spread { get; }

    /// <summary>Share of the groups whose rewards are all equal, so that nothing is learned from them.</summary>
    public double ShareWithoutSpread { get; }

    /// <summary>The deviation of a sample; NaN of one number, as torch has it.</summary>
    public static double Deviation(IReadOnlyList<double> values)
    {
        var mean = values.Average();
        return Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / (values.Count - 1));
    }
}
