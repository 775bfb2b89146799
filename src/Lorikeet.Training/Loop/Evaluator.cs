using System.Diagnostics;
using Lorikeet.Data;
using Lorikeet.Data.Batches;
using Lorikeet.Models.Optimization;
using Lorikeet.Models.Passes;

namespace Lorikeet.Training.Loop;

/// <summary>Scores rows by their loss, in batches of similar length.</summary>
internal static class Evaluator
{
    /// <summary>Mean cross-entropy per target over all rows.</summary>
    /// <param name="beforePass">See <see cref="TrainingTask.BeforePass"/>.</param>
    public static EvaluationMetrics Score(
        ITrainingPass pass, IReadOnlyList<TrainingRow> rows, OptimizationOptions options, int step, double epoch,
        Action? beforePass)
    {
        var clock = Stopwatch.StartNew();
        var (loss, targets) = (0.0, 0L);
        var lengths = TrainingRow.LengthsOf(rows);
        foreach (var chunk in Enumerable.Range(0, rows.Count).OrderBy(row => lengths[row])
            .Chunk(options.EvalBatchSize ?? options.BatchSize))
        {
            var batch = Batch.FromRows([.. chunk.Select(row => rows[row])]);
            if (batch.TargetCount == 0)
                continue;
            beforePass?.Invoke();
            loss += pass.Evaluate(batch);
            targets += batch.TargetCount;
        }

        if (targets == 0)
            throw new DatasetException("The evaluation rows have no target token, so there is no loss to compute. " +
                "Check eval_dataset and train_on.");
        var mean = loss / targets;
        return new EvaluationMetrics(
            step, epoch, mean, Math.Exp(mean), rows.Count, targets, clock.Elapsed.TotalSeconds);
    }
}
