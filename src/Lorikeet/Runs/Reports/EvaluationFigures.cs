using System.Globalization;
using System.Xml.Linq;
using Lorikeet.Training;
using static Lorikeet.Runs.Reports.Html;

namespace Lorikeet.Runs.Reports;

/// <summary>What evaluations measure beside the loss, as charts over the steps.</summary>
internal static class EvaluationFigures
{
    /// <summary>The charts side by side; null where nothing was measured.</summary>
    public static XElement? Of(RunHistory history)
    {
        List<EvaluationMetrics> answered = [.. history.Evaluations.Where(evaluation => evaluation.Answers is not null)];
        List<EvaluationMetrics> probed = [.. history.Evaluations.Where(evaluation => evaluation.Probe is not null)];
        XElement?[] figures =
        [
            Figure(
                ReportText.AnswerScores, answered,
                ("rate", ReportText.ScoreName("Exact match"), evaluation => evaluation.Answers!.ExactMatch),
                ("norm", ReportText.ScoreName("F1"), evaluation => evaluation.Answers!.F1)),
            Figure(
                ReportText.Forgetting, probed,
                ("norm", ReportText.ScoreName("Forgetting"), evaluation => evaluation.Probe!.Divergence)),
        ];
        return figures.All(figure => figure is null) ? null : Element("div", "pair", figures);
    }

    private static XElement? Figure(
        Bilingual caption, List<EvaluationMetrics> evaluations,
        params (string Style, Bilingual Name, Func<EvaluationMetrics, double> Value)[] lines)
    {
        if (evaluations.Count < 2)
            return null;
        var chart = new LineChart(352, 180, value => value.ToString("0.###", CultureInfo.InvariantCulture)).Draw(
            caption.English,
            [.. lines.Select(line => new ChartLine(
                line.Style, [.. evaluations.Select(evaluation => ((double)evaluation.Step, line.Value(evaluation)))],
                Marks: true))]);
        return Element("figure", null,
            Element("figcaption", null, Element("strong", null, Words(caption)),
                lines.Length > 1
                    ? lines.Select(line => Element("span", "key " + line.Style, Words(line.Name)))
                    : null),
            chart);
    }
}
