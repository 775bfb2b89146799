using Lorikeet.Data;
using Lorikeet.Data.Datasets;
using Lorikeet.Models.Optimization;
using Lorikeet.Models.Passes;
using Lorikeet.Training.Loop;

namespace Lorikeet.Training.Planning;

/// <summary>The batches of a run in numbers.</summary>
/// <param name="Largest">The largest batch, of training or evaluation.</param>
/// <param name="TokensPerBatch">Tokens of a batch, on average.</param>
/// <param name="TokensPerStep">Tokens of an optimizer step, on average.</param>
/// <param name="AttendedLength">Length of rows as attention sees it: the mean over tokens, not over rows.</param>
/// <param name="TargetShare">Share of the tokens that are predicted.</param>
/// <param name="Steps">Optimizer steps of the run; null where no data says it.</param>
public sealed record RunBatches(
    BatchShape Largest, double TokensPerBatch, double TokensPerStep, double AttendedLength, double TargetShare,
    int? Steps)
{
    /// <summary>Tokens of the largest batch, of training or evaluation.</summary>
    public int LargestBatch => Largest.Tokens;

    // Beyond the first epoch, so many rows tell enough about the rest.
    private const int RowsToLookAt = 1 << 20;

    /// <summary>Counts the batches of a run, step by step.</summary>
    /// <param name="data">Its rows.</param>
    /// <param name="options">Its options.</param>
    /// <param name="ranks">Processes that share a step.</param>
    public static RunBatches Of(TrainingData data, TrainingOptions options, int ranks = 1)
    {
        if (options.LearnsFromRewards)
            return OfAnswers(data, options);
        var lengths = data.TrainLengths;
        var microBatches = options.Optimization.GradientAccumulation * options.Distributed.GroupsOf(ranks);
        var plan = TrainingTask.PlanOf(data, options, microBatches);
        var steps = TrainingTask.StepsOf(plan, options.Optimization);
        var rowsAStep = options.Optimization.BatchSize * microBatches;
        var looked = Math.Min(steps, Math.Max(plan.StepsPerEpoch, RowsToLookAt / rowsAStep));
        var (largest, tokens, batches, squares) = (LargestOfEvaluation(data, options.Optimization), 0L, 0L, 0.0);
        for (var step = 0; step < looked; step++)
        {
            var (epoch, stepInEpoch) = Math.DivRem(step, plan.StepsPerEpoch);
            foreach (var rows in plan.StepRows(epoch, stepInEpoch))
            {
                foreach (var row in rows)
                    squares += (double)lengths[row] * lengths[row];
                var batch = ShapeOf([.. rows.Select(row => lengths[row])]);
                (largest, tokens, batches) = (Larger(largest, batch), tokens + batch.Tokens, batches + 1);
            }
        }

        var statistics = data.TrainStatistics;
        return new RunBatches(
            largest, (double)tokens / batches, (double)tokens / looked, squares / tokens,
            (double)statistics.TargetTokens / statistics.Tokens, steps);
    }

    /// <summary>Batches of answers: those of a file are known, and others may be as long as they are let.</summary>
    private static RunBatches OfAnswers(TrainingData data, TrainingOptions options)
    {
        var (training, rewards) = (options.Optimization, options.Rewards);
        var isFile = rewards.Rollouts is not null;
        var drawn = isFile ? 0 : rewards.MaxCompletionLength;
        var answers = training.BatchSize * training.GradientAccumulation;
        var groups = isFile ? data.Train.Count / rewards.Generations : data.Train.Count;
        var steps = training.MaxSteps ?? (int)Math.Ceiling(
            training.Epochs * rewards.Iterations * Math.Ceiling((double)groups * rewards.Generations / answers));
        var (longest, mean) = (data.TrainLengths.Max() + drawn, data.TrainLengths.Average() + drawn);
        return new RunBatches(
            Larger(
                LargestOfEvaluation(data, training),
                new BatchShape(training.BatchSize * longest, training.BatchSize, longest)),
            training.BatchSize * mean, answers * mean, mean, 1, steps);
    }

    /// <summary>Batches of rows that are all as long as they may be and all targets.</summary>
    /// <param name="options">The options of the run.</param>
    /// <param name="ranks">Processes that share a step.</param>
    public static RunBatches Full(TrainingOptions options, int ranks = 1)
    {
        var (training, length) = (options.Optimization, options.Data.MaxLength);
        var sequences = training.BatchSize * (options.Objective.Preferences == PreferenceUse.Pairs ? 2 : 1);
        var tokens = sequences * length;
        var largest = new BatchShape(tokens, sequences, length);
        return new RunBatches(
            largest, tokens, (double)tokens * training.GradientAccumulation * options.Distributed.GroupsOf(ranks),
            length, 1, training.MaxSteps);
    }

    /// <summary>The longest rows come last and together.</summary>
    private static BatchShape LargestOfEvaluation(TrainingData data, OptimizationOptions options) => data.EvalLengths
        .Order().Chunk(options.EvalBatchSize ?? options.BatchSize).Select(ShapeOf)
        .Aggregate(default(BatchShape), Larger);

    private static BatchShape ShapeOf(int[] lengths) => new(lengths.Sum(), lengths.Length, lengths.Max());

    /// <summary>
    /// The one with more tokens; of two with as many, the one whose rows differ, for which attention needs more.
    /// </summary>
    private static BatchShape Larger(BatchShape a, BatchShape b) =>
        b.Tokens > a.Tokens || (b.Tokens == a.Tokens && !b.IsUniform) ? b : a;
}
