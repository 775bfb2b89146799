// A micro-batch of preference data. The base is the model itself with its adapter off; what it says of the answers is
// asked before each pass, or for all rows at once before the first step. KTO also asks both what they say of answers
// that belong to the prompt of another row: row i takes the answer of row i - 1 of its micro-batch.
using Lorikeet.Data;
using Lorikeet.Data.Batches;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Distributed;
using Lorikeet.Models.Passes;
using Lorikeet.Training.Objectives;

namespace Lorikeet.Training.Loop;

/// <summary>Passes over rows whose answers are judged, and their scores.</summary>
/// <param name="step">Whose passes they are.</param>
/// <param name="objective">The loss.</param>
/// <param name="longest">Most tokens of a row (max_length).</param>
/// <param name="beforePass">See <see cref="TrainingTask.BeforePass"/>.</param>
internal sealed class AnswerTraining(
    TrainingStep step, IAnswerObjective objective, int longest, Action? beforePass)
{
    // By the base, of rows that were asked about beforehand.
    private readonly Dictionary<TrainingRow, double[]> _known = new(ReferenceEqualityComparer.Instance);

    /// <summary>Whether the loss of a row does not depend on the other rows of its micro-batch.</summary>
    public bool CanDivide => !objective.NeedsDivergence;

    /// <summary>Sums for what the objective measures.</summary>
    public MetricSums Measure() => new(objective.Metrics);

    /// <summary>Adds the gradient of a micro-batch.</summary>
    /// <param name="rows">Its rows.</param>
    /// <param name="weight">What it counts in the step; 0 where another rank adds it.</param>
    /// <param name="key">Names the random numbers.</param>
    /// <param name="metrics">Receives what is measured; null where it does not count.</param>
    /// <returns>Its loss.</returns>
    public double Run(IReadOnlyList<TrainingRow> rows, double weight, PassKey key, MetricSums? metrics)
    {
        var answers = AnswerBatch.Of(rows, objective.LearnsPrompts);
        var (reference, divergence) = (ReferenceOf(rows, answers), DivergenceOf(rows));
        var loss = 0.0;
        beforePass?.Invoke();
        step.Pass.Run(answers.Batch, logProbabilities =>
        {
            var value = objective.Judge(
                new AnswerScores(answers, logProbabilities, reference, divergence), metrics);
            loss = value.Loss;
            return answers.Derivatives(value, weight);
        }, key);
        return loss;
    }

    /// <summary>Asks the base about rows before the first step.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="batchSize">Rows of a batch.</param>
    /// <param name="ranks">The ranks, which share the batches.</param>
    /// <param name="share">Which of them are this rank's.</param>
    /// <param name="everyRankPasses">See <see cref="RankShare"/>.</param>
    public void Precompute(
        IReadOnlyList<TrainingRow> rows, int batchSize, Communicator ranks, DataRank share, bool everyRankPasses)
    {
        if (!objective.NeedsReference)
            return;
        TrainingRow[][] chunks = [.. rows.OrderBy(row => row.Length).Chunk(batchSize)];
        var sums = new double[2 * rows.Count]; // of a row's first and, in a pair, second answer
        foreach (var (chunk, isOwn) in RankShare.Of([.. chunks.Select(Batch.FromRows)], share, everyRankPasses))
        {
            var ofBase = AskBase(AnswerBatch.Of(chunks[chunk]));
            if (isOwn)
                ofBase.CopyTo(sums, 2 * chunk * batchSize);
        }

        ranks.Sum(sums);
        foreach (var (chunk, of) in chunks.Index())
        {
            var next = 2 * chunk * batchSize;
            foreach (var row in of)
            {
                var count = row.Preference!.RejectedStart is null ? 1 : 2;
                _known[row] = sums[next..(next + count)];
                next += count;
            }
        }
    }

    /// <summary>Loss of all rows and what is measured, in batches that the ranks share.</summary>
    /// <inheritdoc cref="Precompute"/>
    public (double Loss, MetricSums Metrics) Score(
        IReadOnlyList<TrainingRow> rows, int batchSize, Communicator ranks, DataRank share, bool everyRankPasses)
    {
        TrainingRow[][] chunks = [.. rows.OrderBy(row => row.Length).Chunk(batchSize)];
        var (losses, metrics) = (new double[chunks.Length], Measure());
        foreach (var (chunk, isOwn) in RankShare.Of([.. chunks.Select(Batch.FromRows)], share, everyRankPasses))
        {
            var loss = Evaluate(chunks[chunk], isOwn ? metrics : null);
            if (isOwn)
                losses[chunk] = loss * chunks[chunk].Length / rows.Count;
        }

        ranks.Sum(losses);
        ranks.Sum(metrics.Values);
        return (losses.Sum(), metrics);
    }

    private double Evaluate(IReadOnlyList<TrainingRow> rows, MetricSums? metrics)
    {
        var answers = AnswerBatch.Of(rows, objective.LearnsPrompts);
        var (reference, divergence) = (ReferenceOf(rows, answers), DivergenceOf(rows));
        beforePass?.Invoke();
        return objective.Judge(
            new AnswerScores(answers, step.Pass.LogProbabilities(answers.Batch), reference, divergence), metrics).Loss;
    }

    private double[] ReferenceOf(IReadOnlyList<TrainingRow> rows, AnswerBatch answers) =>
        !objective.NeedsReference ? []
        : rows.All(_known.ContainsKey) ? [.. rows.SelectMany(row => _known[row])]
        : AskBase(answers);

    private double[] AskBase(AnswerBatch answers)
    {
        beforePass?.Invoke();
        return answers.Sums(step.Pass.LogProbabilities(answers.Batch, withoutAdapter: true));
    }

    /// <summary>A lone row has no answer of another, and counts as if nothing had diverged.</summary>
    private double DivergenceOf(IReadOnlyList<TrainingRow> rows)
    {
        if (!objective.NeedsDivergence || rows.Count < 2)
            return 0;
        var answers = AnswerBatch.Of(
            [.. rows.Select((row, i) => Mismatched(row, rows[(i + rows.Count - 1) % rows.Count]))]);
        beforePass?.Invoke();
        var own = answers.Sums(step.Pass.LogProbabilities(answers.Batch));
        var ofBase = AskBase(answers);
        return Math.Max(0, own.Zip(ofBase).Average(pair => pair.First - pair.Second));
    }

    /// <summary>The prompt of a row with the answer of another.</summary>
    private TrainingRow Mismatched(TrainingRow row, TrainingRow other)
    {
        var (prompt, answer) = (row.Preference!.PromptLength, other.Preference!.PromptLength);
        int[] ids = [.. row.Ids[..prompt], .. other.Ids[answer..]];
        int[] labels = [.. row.Labels[..prompt], .. other.Labels[answer..]];
        var length = Math.Max(prompt + 1, Math.Min(ids.Length, longest));
        return new TrainingRow(ids[..length], labels[..length]) { Preference = row.Preference };
    }
}
