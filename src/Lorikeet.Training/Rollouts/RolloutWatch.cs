namespace Lorikeet.Training.Rollouts;

/// <summary>Notices runs that teach nothing although nothing fails; each thing is said once.</summary>
/// <param name="maxLength">Most tokens of an answer.</param>
internal sealed class RolloutWatch(int maxLength)
{
    /// <summary>Rounds in a row that are no accident.</summary>
    public const int Patience = 5;

    private const double NearlyAll = 0.95;
    private const double Half = 0.5;

    private readonly Dictionary<string, int> _inARow = [];

    /// <summary>What is to be said after a round.</summary>
    public IEnumerable<string> Warnings(RolloutRound round)
    {
        var rewards = round.Rollouts.Select(rollout => rollout.Reward).ToArray();
        if (IsOften("equal", round.Advantages.ShareWithoutSpread == 1))
        {
            var same = rewards.Distinct().Take(2).ToArray() is [var only]
                ? $"every answer gets {only:0.###}"
                : "all answers to a question get the same";
            yield return $"The answers of the last {Patience} rounds differ in no reward: {same}, so that nothing is "
                + "learned. Give a reward that tells better answers from worse (f1 for exact_match, say), more "
                + "'num_generations', a higher 'temperature', or first train on the answers themselves "
                + "('method' sft).";
        }

        if (IsOften("empty", Share(round, rollout => rollout.Text is { Length: 0 }) > Half))
            yield return $"More than half of the answers of the last {Patience} rounds are empty: the model ends "
                + "at once. First train on the answers themselves ('method' sft), or reward what is said.";
        if (IsOften("cut", Share(round, rollout => rollout.IsTruncated) >= NearlyAll))
            yield return $"Nearly all answers of the last {Patience} rounds were cut at {maxLength} tokens "
                + "('max_completion_length'), so that their rewards say little. Raise it, or first train the model "
                + "to end its answers ('method' sft).";
    }

    private static double Share(RolloutRound round, Func<Rollout, bool> isSo) =>
        (double)round.Rollouts.Count(isSo) / round.Rollouts.Count;

    private bool IsOften(string what, bool isSo)
    {
        var count = _inARow[what] = isSo || _inARow.GetValueOrDefault(what) >= Patience
            ? _inARow.GetValueOrDefault(what) + 1
            : 0;
        return count == Patience;
    }
}
