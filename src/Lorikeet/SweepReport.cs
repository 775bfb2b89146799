using System.Globalization;
using System.Xml.Linq;
using Lorikeet.Formats;
using Lorikeet.Runs;
using Lorikeet.Runs.Reports;
using static Lorikeet.Runs.Reports.Html;

namespace Lorikeet;

/// <summary>The runs of a sweep side by side: a table, and their loss curves over each other.</summary>
internal static class SweepReport
{
    // Colours that stand apart in light and in dark; more runs than there are begin again.
    private static readonly string[] s_colours =
        ["#2463c9", "#c4570a", "#16805a", "#b3261e", "#7a3fb8", "#0a8a9c", "#a06a00", "#c2307a"];

    /// <summary>Writes <c>sweep.md</c> and <c>sweep.html</c>.</summary>
    /// <param name="result">The sweep.</param>
    /// <param name="folder">Its folder.</param>
    public static void Write(SweepResult result, string folder)
    {
        AtomicFile.WriteText(Path.Combine(folder, "sweep.md"), Markdown(result));
        AtomicFile.WriteText(Path.Combine(folder, "sweep.html"), Page(result));
    }

    /// <summary>The columns of the table.</summary>
    internal static IReadOnlyList<Bilingual> Heads(SweepResult result) =>
    [
        ReportText.Run, ReportText.Ending, ReportText.Steps, ReportText.TrainLoss,
        .. Measures(result).Select(ReportText.ScoreName),
    ];

    /// <summary>A row for each run, as wide as the heads.</summary>
    internal static IEnumerable<(SweepOutcome Run, IReadOnlyList<Bilingual> Cells)> Rows(SweepResult result)
    {
        var measures = Measures(result);
        return result.Runs.Select(run => (run, (IReadOnlyList<Bilingual>)
        [
            run == result.Best ? new Bilingual($"★ {run.Name}", $"★ {run.Name}") : run.Name,
            run.Result is { Training.Reason: var reason } ? ReportText.Outcome(reason)
                : new Bilingual($"failed: {run.Failure}", $"{ReportText.Failed.Vietnamese}: {run.Failure}"),
            run.Result is { } ended ? Quantities.Count(ended.Training.Steps) : "–",
            run.Result is { } trained ? Quantities.Loss(trained.TrainLoss) : "–",
            .. measures.Select(name => (Bilingual)(Scores(run).FirstOrDefault(score => score.Name == name) is { } score
                ? score.Show(score.Tuned)
                : "–")),
        ]));
    }

    private static IReadOnlyList<string> Measures(SweepResult result) =>
        [.. result.Runs.SelectMany(Scores).Select(score => score.Name).Distinct()];

    private static IReadOnlyList<ComparedScore> Scores(SweepOutcome run) => run.Result?.Scores ?? [];

    private static string Markdown(SweepResult result)
    {
        var page = new MarkdownPage(ReportLanguage.English);
        page.Title($"{page.Say(ReportText.Sweep)}: {Path.GetFileName(result.Folder)}");
        page.Facts(Facts(result));
        page.Table(
            [.. Heads(result)],
            Rows(result).Select(row => row.Cells.Select(page.Say).ToArray()));
        return page.ToString();
    }

    private static IEnumerable<(Bilingual, Bilingual)> Facts(SweepResult result)
    {
        if (result.Best is { } best)
            yield return (ReportText.Best, best.Name);
        yield return (ReportText.Duration, Quantities.Duration(result.Seconds));
    }

    private static string Page(SweepResult result)
    {
        var runs = result.Runs.Select(run => (run.Name, History: HistoryOf(run))).ToList();
        var body = Element("body", null,
            Element("main", null,
                Element("h1", null, Words(ReportText.Sweep)),
                Element("dl", "headline", Facts(result).Select(fact => Element("div", null,
                    Element("dt", null, Words(fact.Item1)), Element("dd", null, Said(fact.Item2))))),
                Element("div", "scroll", Element("table", "numbers",
                    Element("thead", null, Element("tr", null,
                        Heads(result).Select(head => Element("th", null, Words(head))))),
                    Element("tbody", null, Rows(result).Select(row =>
                        Element("tr", null, row.Cells.Select(cell => Element("td", null, Said(cell)))))))),
                Figure(ReportText.SmoothedLoss, runs, history =>
                    [.. history.SmoothedLoss().Select(point => ((double)point.Step, point.Loss))]),
                Figure(ReportText.EvalLoss, runs, history =>
                    [.. history.Evaluations.Select(evaluation => ((double)evaluation.Step, evaluation.Loss))])));
        var colours = string.Concat(
            runs.Select((_, i) => $".run{i} {{ color: {s_colours[i % s_colours.Length]}; }}\n"));
        return $"""
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8"/>
            <meta name="viewport" content="width=device-width, initial-scale=1"/>
            <meta name="color-scheme" content="light dark"/>
            {Element("title", null, $"{Path.GetFileName(result.Folder)}")}
            <style>
            {HtmlReport.Style()}{colours}</style>
            </head>
            {body.ToString(SaveOptions.DisableFormatting)}
            </html>

            """.ReplaceLineEndings("\n");
    }

    private static XElement? Figure(
        Bilingual caption, IReadOnlyList<(string Name, RunHistory? History)> runs,
        Func<RunHistory, IReadOnlyList<(double, double)>> points)
    {
        List<(int Index, string Name, IReadOnlyList<(double, double)> Points)> lines =
        [
            .. runs.Index().Where(run => run.Item.History is not null)
                .Select(run => (run.Index, run.Item.Name, points(run.Item.History!)))
                .Where(run => run.Item3.Count > 1),
        ];
        return lines.Count == 0 ? null : Element("figure", "wide",
            Element("figcaption", null, Element("strong", null, Words(caption)),
                lines.Select(line => Element("span", $"key run{line.Index}", line.Name))),
            new LineChart(720, 300, value => value.ToString("0.###", CultureInfo.InvariantCulture)).Draw(
                caption.English, [.. lines.Select(line => new ChartLine($"run{line.Index}", line.Points))]));
    }

    private static RunHistory? HistoryOf(SweepOutcome run)
    {
        try
        {
            return File.Exists(run.Folder.MetricsFile) ? RunHistory.Read(run.Folder.MetricsFile) : null;
        }
        catch (CheckpointException)
        {
            return null; // what cannot be read is not drawn; the run itself has said so
        }
    }
}
