using Lorikeet.Formats;
using Lorikeet.Models.Native;
using Lorikeet.Training;
using static Lorikeet.Formats.Quantities;

namespace Lorikeet.Runs.Reports;

/// <summary>The lists of short facts that both forms of a report show.</summary>
internal static class ReportFacts
{
    /// <summary>The numbers at the top: the first score if there is one, the losses, time, speed and memory.</summary>
    public static IEnumerable<(Bilingual Label, Bilingual Value)> Headline(RunReport report)
    {
        var result = report.Result;
        if (report.Scores is [var score, ..])
            yield return (ReportText.ScoreName(score.Name), Change(score));
        if (result.BestValue is { } value && result.Metric != BestMetric.Loss)
            yield return (BestOf(result.Metric), Percent(value));
        else if (result.BestEvalLoss is { } best
            && !report.Scores.Any(shown => shown.Kind == ScoreKind.Cost && shown.Tuned == best))
            yield return (ReportText.BestEvalLoss, Loss(best));
        if (report.History.Steps is [.., var last])
            yield return (ReportText.FinalLoss, Loss(last.Loss));
        yield return (ReportText.Steps, Count(result.Steps));
        yield return (ReportText.Duration, Duration(result.Seconds));
        if (report.History.TokensPerSecond is { } speed)
            yield return (ReportText.Speed, Count((long)speed));
        yield return (ReportText.PeakMemory, Bytes(result.PeakMemoryBytes));
    }

    /// <summary>What was trained on what.</summary>
    public static IEnumerable<(Bilingual Label, Bilingual Value)> DataAndModel(RunReport report)
    {
        var summary = report.Summary;
        yield return (ReportText.Model, summary.Model);
        yield return (ReportText.Parameters, Count(summary.ModelParameters));
        var share = (double)summary.TrainableParameters / Math.Max(1, summary.ModelParameters);
        yield return (ReportText.Trainable, $"{Count(summary.TrainableParameters)} ({Percent(share)})");
        yield return (ReportText.Device, summary.Device);
        yield return (ReportText.Dataset, report.Dataset);
        yield return (ReportText.TrainRows, Count(summary.TrainRows));
        if (summary.EvalRows > 0)
            yield return (ReportText.EvalRows, Count(summary.EvalRows));
        yield return (ReportText.TrainTokens, Count(summary.TrainTokens));
        yield return (ReportText.TargetTokens, Count(summary.TargetTokens));
        yield return (ReportText.LongestRow, ReportText.TokenCount(Count(summary.LongestRow)));
        yield return (ReportText.MaxLength, ReportText.TokenCount(Count(summary.MaxLength)));
        if (summary.Plan is not { } plan)
            yield break;
        yield return (ReportText.PlannedMemory, ReportText.Measured(PlanOutcome.Memory(plan, report.Result)));
        if (PlanOutcome.Speed(plan, report.History) is { } planned)
            yield return (ReportText.PlannedSpeed, ReportText.Measured(planned));
    }

    private static Bilingual BestOf(BestMetric metric) => metric switch
    {
        BestMetric.ExactMatch => ReportText.BestExactMatch,
        BestMetric.F1 => ReportText.BestF1,
        _ => ReportText.BestRougeL,
    };

    /// <summary><c>0.0 % → 98.4 %</c>, or the tuned value alone when the base was not scored.</summary>
    public static string Change(ComparedScore score) =>
        score.Base is { } before ? $"{score.Show(before)} → {score.Show(score.Tuned)}" : score.Show(score.Tuned);
}
