using Lorikeet.Formats;

namespace Lorikeet.Runs.Reports;

/// <summary>A report as Markdown, for terminals, repositories and model cards.</summary>
public static class MarkdownReport
{
    /// <summary>Writes the file.</summary>
    public static void Write(RunReport report, string path) => AtomicFile.WriteText(path, Render(report));

    /// <summary>The text.</summary>
    internal static string Render(RunReport report)
    {
        var page = new MarkdownPage(report.Language);
        page.Title(page.Say(ReportText.Title(report.Title)));
        page.Paragraph($"{page.Say(ReportText.Outcome(report.Result.Reason))} · {report.Time:yyyy-MM-dd HH:mm}");
        page.Facts(ReportFacts.Headline(report));
        if (page.Section(ReportText.Warnings, report.Warnings.Count > 0))
            page.List(report.Warnings);
        if (page.Section(ReportText.Scores, report.Scores.Count > 0))
            Scores(page, report);
        if (page.Section(ReportText.Answers, report.Answers.Count > 0))
            Answers(page, report);
        if (page.Section(ReportText.Training, report.History.Steps.Count > 0))
            Training(page, report.History);
        if (page.Section(ReportText.Data))
            page.Facts(ReportFacts.DataAndModel(report));
        if (page.Section(ReportText.Settings, report.Settings.Count > 0))
            page.Table(
                [ReportText.Setting, ReportText.Value, ReportText.Origin],
                report.Settings.Select(
                    setting => new[] { setting.Name, setting.Value, page.Say(ReportText.SetBy(setting.Origin)) }));
        if (page.Section(ReportText.Next, report.NextCommands.Count > 0))
            foreach (var next in report.NextCommands)
                page.Command(ReportText.Purpose(next.Purpose), next.Command);
        return page.ToString();
    }

    private static void Scores(MarkdownPage page, RunReport report) => page.Table(
        [ReportText.Score, ReportText.Base, ReportText.Tuned],
        report.Scores.Select(score => new[]
        {
            page.Say(ReportText.ScoreName(score.Name)), score.Base is { } known ? score.Show(known) : "–",
            score.Show(score.Tuned),
        }));

    private static void Answers(MarkdownPage page, RunReport report) => page.Table(
        [ReportText.Question, ReportText.Expected, ReportText.Before, ReportText.After],
        report.Answers.Select(answer => new[]
        {
            answer.Question, answer.Expected ?? "–", Judged(answer.Before, answer.BeforeIsCorrect),
            Judged(answer.After, answer.AfterIsCorrect),
        }));

    private static void Training(MarkdownPage page, RunHistory history)
    {
        var smoothed = history.SmoothedLoss().Select(point => point.Loss).ToList();
        if (smoothed.Count > 0)
            page.Paragraph($"{page.Say(ReportText.SmoothedLoss)}: `{Sparkline.Of(smoothed, 40)}` "
                + $"{Quantities.Loss(smoothed[0])} → {Quantities.Loss(smoothed[^1])}");
        page.Table(
            [
                ReportText.Step, ReportText.TrainLoss, ReportText.EvalLoss, ReportText.LearningRate,
                ReportText.GradNorm,
            ],
            ReportRows.Of(history).Select(row =>
                new[] { Quantities.Count(row.Step), row.Loss, row.EvalLoss, row.LearningRate, row.GradNorm }));
    }

    private static string Judged(string answer, bool? correct) =>
        correct switch { true => "✓ ", false => "✗ ", null => "" } + (answer.Length == 0 ? "∅" : answer);
}
