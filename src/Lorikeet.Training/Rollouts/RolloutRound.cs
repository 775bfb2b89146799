using Lorikeet.Data;
using Lorikeet.Data.Batches;

namespace Lorikeet.Training.Rollouts;

/// <summary>The answers of one round: one or several optimizer steps learn from them.</summary>
internal sealed class RolloutRound
{
    private readonly int[] _groupOf; // of each answer

    /// <summary>Compares the answers of the groups.</summary>
    /// <param name="number">Rounds before this one.</param>
    /// <param name="groups">Questions with their answers.</param>
    /// <param name="options">How they are compared.</param>
    public RolloutRound(int number, IReadOnlyList<RolloutGroup> groups, RewardOptions options)
    {
        (Number, Groups) = (number, groups);
        Rollouts = [.. groups.SelectMany(group => group.Rollouts)];
        _groupOf = [.. groups.SelectMany((group, index) => Enumerable.Repeat(index, group.Rollouts.Count))];
        Rows = [.. RolloutFile.Rows(groups)];
        Advantages = new GroupAdvantages(
            [.. groups.Select(group => group.Rollouts.Select(rollout => rollout.Reward).ToArray())],
            options.ScaleRewards);
        AdvantageOf = [.. Advantages.Values.SelectMany(values => values)];
        IsLearned = [.. Rollouts.Select(rollout => !(options.MaskTruncated && rollout.IsTruncated))];
        Before = new float[Rows.Count][];
    }

    /// <summary>Rounds before this one.</summary>
    public int Number { get; }

    /// <summary>Questions with their answers.</summary>
    public IReadOnlyList<RolloutGroup> Groups { get; }

    /// <summary>All answers, group by group; the lists below go with it.</summary>
    public IReadOnlyList<Rollout> Rollouts { get; }

    /// <summary>The answers behind their questions, as rows.</summary>
    public IReadOnlyList<TrainingRow> Rows { get; }

    /// <summary>What the groups came to.</summary>
    public GroupAdvantages Advantages { get; }

    /// <summary>The advantage of each answer.</summary>
    public IReadOnlyList<double> AdvantageOf { get; }

    /// <summary>Whether anything is learned of an answer.</summary>
    public IReadOnlyList<bool> IsLearned { get; }

    /// <summary>
    /// Log-probabilities of the tokens of each answer as they were in the round's first step; null before it.
    /// </summary>
    public float[]?[] Before { get; }

    /// <summary>The same of the base; null where nothing is held against it.</summary>
    public float[][]? Reference { get; set; }

    /// <summary>
    /// Answers as a batch. What attention repeats of a question that several share takes time, which short questions do
    /// not save.
    /// </summary>
    /// <param name="answers">In ascending order.</param>
    public Batch BatchOf(IReadOnlyList<int> answers)
    {
        const int worthwhile = 8; // a token in so many is spared
        TrainingRow[] rows = [.. answers.Select(answer => Rows[answer])];
        int[] shared =
        [
            .. answers.Select((answer, i) => i > 0 && _groupOf[answers[i - 1]] == _groupOf[answer]
                ? Groups[_groupOf[answer]].PromptIds.Length
                : 0),
        ];
        return worthwhile * shared.Sum() >= rows.Sum(row => row.Length)
            ? Batch.FromRows(rows, shared)
            : Batch.FromRows(rows);
    }
}
