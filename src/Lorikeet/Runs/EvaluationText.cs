using System.Globalization;
using Lorikeet.Formats;
using Lorikeet.Training;

namespace Lorikeet.Runs;

/// <summary>What evaluations measure, in words.</summary>
public static class EvaluationText
{
    /// <summary>What a metric is called.</summary>
    /// <param name="metric">The metric.</param>
    public static string Name(BestMetric metric) => metric switch
    {
        BestMetric.ExactMatch => "exact match",
        BestMetric.F1 => "F1",
        BestMetric.RougeL => "ROUGE-L",
        _ => "eval loss",
    };

    /// <summary>The best evaluation of a run: "exact match 71.9 %"; null where none was made.</summary>
    /// <param name="result">The end of the run.</param>
    public static string? Best(TrainingResult result) =>
        (result.BestValue ?? result.BestEvalLoss) is { } value ? $"{Name(result.Metric)} {Show(result.Metric, value)}"
            : null;

    /// <summary>What an evaluation measured beside the loss, by name; nothing where it measured no more.</summary>
    /// <param name="evaluation">The evaluation.</param>
    public static IEnumerable<(string Name, string Value)> Measures(EvaluationMetrics evaluation)
    {
        foreach (var metric in Enum.GetValues<BestMetric>().Where(metric => metric != BestMetric.Loss))
            if (evaluation.ValueOf(metric) is { } value)
                yield return (Name(metric), Show(metric, value));
        if (evaluation.Probe is { } probe)
            yield return ("forgetting", Divergence(probe.Divergence));
    }

    /// <summary>A divergence as it is shown.</summary>
    internal static string Divergence(double value) => value.ToString("0.0000", CultureInfo.InvariantCulture);

    private static string Show(BestMetric metric, double value) =>
        metric == BestMetric.Loss ? Quantities.Loss(value) : Quantities.Percent(value);
}
