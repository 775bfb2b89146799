using System.Diagnostics;
using Lorikeet.Data;
using Lorikeet.Data.Batches;
using Lorikeet.Models.Distributed;
using Lorikeet.Models.Optimization;
using Lorikeet.Models.Passes;

namespace Lorikeet.Training.Loop;

/// <summary>Scores rows by their loss, in batches of similar length.</summary>
internal static class Evaluator
{
    /// <summary>Mean cross-entropy per target over all rows, whose batches the ranks share.</summary>
    /// <param name="beforePass">See <see cref="TrainingTask.BeforePass"/>.</param>
    public static EvaluationMetrics Score(
        ITrainingPass pass, IReadOnlyList<TrainingRow> rows, OptimizationOptions options, int step, double epoch,
        Communicator ranks, Action? beforePass)
    {
        var clock = Stopwatch.StartNew();
        var lengths = TrainingRow.LengthsOf(rows);
        int[][] chunks = [.. Enumerable.Range(0, rows.Count).OrderBy(row => lengths[row])
            .Chunk(options.EvalBatchSize ?? options.BatchSize)];
        var (losses, targets) = (new double[chunks.Length], 0L);
        for (var i = 0; i < chunks.Length; i++)
        {
            var batch = Batch.FromRows([.. chunks[i].Select(row => rows[row])]);
            targets += batch.TargetCount;
            if (batch.TargetCount == 0 || i % ranks.Size != ranks.Rank)
                continue;
            beforePass?.Invoke();
            losses[i] = pass.Evaluate(batch);
        }

        ranks.Sum(losses);

        if (targets == 0)
            throw new DatasetException("The evaluation rows have no target token, so there is no loss to compute. " +
                "Check eval_dataset and train_on.");
        var mean = losses.Sum() / targets;
        return new EvaluationMetrics(
            step, epoch, mean, Math.Exp(mean), rows.Count, targets, clock.Elapsed.TotalSeconds);
    }
}
