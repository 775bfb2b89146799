using System.Diagnostics;
using Lorikeet.Data;
using Lorikeet.Data.Batches;
using Lorikeet.Models.Distributed;
using Lorikeet.Models.Passes;

namespace Lorikeet.Training.Loop;

/// <summary>Scores rows by their loss, in batches of similar length.</summary>
internal static class Evaluator
{
    /// <summary>Mean cross-entropy per target over all rows, whose batches the ranks share.</summary>
    /// <param name="batchSize">Rows of a batch.</param>
    /// <param name="share">Which of them are this rank's.</param>
    /// <param name="everyRankPasses">See <see cref="RankShare"/>.</param>
    /// <param name="beforePass">See <see cref="TrainingTask.BeforePass"/>.</param>
    public static EvaluationMetrics Score(
        ITrainingPass pass, IReadOnlyList<TrainingRow> rows, int batchSize, int step, double epoch,
        Communicator ranks, DataRank share, bool everyRankPasses, Action? beforePass)
    {
        var clock = Stopwatch.StartNew();
        var lengths = TrainingRow.LengthsOf(rows);
        Batch[] batches = [.. Enumerable.Range(0, rows.Count).OrderBy(row => lengths[row])
            .Chunk(batchSize)
            .Select(chunk => Batch.FromRows([.. chunk.Select(row => rows[row])]))];
        var targets = batches.Sum(batch => (long)batch.TargetCount);
        var losses = new double[batches.Length];
        foreach (var (i, isOwn) in RankShare.Of(batches, share, everyRankPasses))
        {
            beforePass?.Invoke();
            var loss = pass.Evaluate(batches[i]);
            if (isOwn)
                losses[i] = loss;
        }

        ranks.Sum(losses);
        if (targets == 0)
            throw new DatasetException("The evaluation rows have no target token, so there is no loss to compute. " +
                "Check eval_dataset and train_on.");
        var mean = losses.Sum() / targets;
        return new EvaluationMetrics(
            step, epoch, mean, Math.Exp(mean), rows.Count, targets, clock.Elapsed.TotalSeconds);
    }

    /// <summary>The loss of preferences over all rows, a mean over rows, and what else the method measures.</summary>
    public static EvaluationMetrics Score(
        AnswerTraining answers, IReadOnlyList<TrainingRow> rows, int batchSize, int step, double epoch,
        Communicator ranks, DataRank share, bool everyRankPasses)
    {
        var clock = Stopwatch.StartNew();
        var (loss, metrics) = answers.Score(
            rows, batchSize, ranks, share, everyRankPasses);
        return new EvaluationMetrics(
            step, epoch, loss, double.NaN, rows.Count, rows.Sum(row => (long)row.TargetCount),
            clock.Elapsed.TotalSeconds)
        {
            Further = metrics.Means(),
        };
    }
}
