using Lorikeet.Formats.Options;

namespace Lorikeet.Training.Loop;

/// <summary>Which evaluation of a run is the best, and what follows of it.</summary>
internal static class BestEvaluation
{
    /// <summary>The position after an evaluation: with a new best, or one more evaluation without.</summary>
    /// <param name="position">The position before.</param>
    /// <param name="evaluation">The evaluation of that step.</param>
    /// <param name="options">What counts as better.</param>
    public static TrainingPosition After(
        TrainingPosition position, EvaluationMetrics evaluation, EvaluationOptions options)
    {
        var value = evaluation.ValueOf(options.BestMetric) ?? double.NaN;
        var isBetter = !Forgets(evaluation, options)
            && IsBetter(value, BestOf(position), options.BestMetric, options.EarlyStoppingThreshold);
        return !isBetter
            ? position with { EvaluationsWithoutImprovement = position.EvaluationsWithoutImprovement + 1 }
            : position with
            {
                BestEvalLoss = evaluation.Loss,
                BestValue = options.BestMetric == BestMetric.Loss ? null : value,
                BestStep = evaluation.Step,
                EvaluationsWithoutImprovement = 0,
            };
    }

    /// <summary>Whether a value is better than the best so far, which is null for none.</summary>
    public static bool IsBetter(double value, double? best, BestMetric metric, double threshold = 0) =>
        metric == BestMetric.Loss
            ? value < (best ?? double.PositiveInfinity) - threshold
            : value > (best ?? double.NegativeInfinity) + threshold;

    /// <summary>Whether the model has forgotten more than is allowed; what cannot be told counts as such.</summary>
    public static bool Forgets(EvaluationMetrics evaluation, EvaluationOptions options) =>
        evaluation.Probe is { Divergence: var divergence } && options.MaxForgetting is { } most
        && !(divergence <= most);

    /// <summary>
    /// The position with no best where that was found by another metric than the options name now.
    /// </summary>
    public static TrainingPosition By(TrainingPosition position, BestMetric metric)
    {
        var name = metric == BestMetric.Loss ? null : WireNames.Of(metric);
        return position.Metric == name ? position : Forgotten(position) with { Metric = name };
    }

    /// <summary>The position with no best.</summary>
    public static TrainingPosition Forgotten(TrainingPosition position) => position with
    {
        BestEvalLoss = null,
        BestValue = null,
        BestStep = null,
        EvaluationsWithoutImprovement = 0,
    };

    private static double? BestOf(TrainingPosition position) =>
        position.Metric is null ? position.BestEvalLoss : position.BestValue;
}
