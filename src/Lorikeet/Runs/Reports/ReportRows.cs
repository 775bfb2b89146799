using System.Globalization;
using Lorikeet.Formats;

namespace Lorikeet.Runs.Reports;

/// <summary>A row of the table under the loss curve.</summary>
internal sealed record ReportRow(int Step, string Loss, string EvalLoss, string LearningRate, string GradNorm);

/// <summary>Picks the steps that the table under the loss curve shows.</summary>
internal static class ReportRows
{
    private const int Most = 12;

    /// <summary>
    /// The base if it was scored, the first step, the last, and about ten between, those with an evaluation before
    /// others.
    /// </summary>
    public static IReadOnlyList<ReportRow> Of(RunHistory history)
    {
        var evaluations = history.Evaluations.GroupBy(evaluation => evaluation.Step)
            .ToDictionary(group => group.Key, group => group.Last().Loss);
        var evaluated = history.Steps.Where(step => evaluations.ContainsKey(step.Step)).ToList();
        var pool = evaluated.Count >= Most / 2 ? evaluated : history.Steps;
        var stride = Math.Max(1, (pool.Count + Most - 1) / Most);
        var chosen = pool.Where((_, index) => index % stride == 0)
            .Concat(evaluated.Count < Most / 2 ? evaluated : [])
            .Append(history.Steps[0]).Append(history.Steps[^1])
            .DistinctBy(step => step.Step).OrderBy(step => step.Step);
        ReportRow[] before = history.Base is { } start
            ? [new ReportRow(0, "", Quantities.Loss(start.Loss), "", "")]
            : [];
        return [.. before, .. chosen.Select(step => new ReportRow(
            step.Step, Quantities.Loss(step.Loss),
            evaluations.TryGetValue(step.Step, out var loss) ? Quantities.Loss(loss) : "",
            Quantities.Rate(step.LearningRate), step.GradNorm.ToString("0.000", CultureInfo.InvariantCulture)))];
    }
}
