using System.Globalization;
using System.Xml.Linq;
using Lorikeet.Formats;
using Lorikeet.Training;
using static Lorikeet.Runs.Reports.Html;

namespace Lorikeet.Runs.Reports;

/// <summary>The sections of the HTML report; each is null when there is nothing to say.</summary>
internal static class HtmlSections
{
    public static XElement? Warnings(RunReport report) => report.Warnings.Count == 0 ? null :
        Section(ReportText.Warnings,
            Element("ul", "warnings", report.Warnings.Select(text => Element("li", null, text))));

    public static XElement? Scores(RunReport report) => report.Scores.Count == 0 ? null :
        Section(ReportText.Scores, Table("scores",
            [ReportText.Score, ReportText.Base, ReportText.Tuned],
            report.Scores.Select(score => Element("tr", null,
                Element("th", null, new XAttribute("scope", "row"), Said(ReportText.ScoreName(score.Name))),
                ScoreCell(ReportText.Base, score, score.Base),
                ScoreCell(ReportText.Tuned, score, score.Tuned)))));

    public static XElement? Answers(RunReport report)
    {
        if (report.Answers.Count == 0)
            return null;
        var expected = report.Answers.Any(answer => answer.Expected is not null);
        Bilingual[] heads = expected
            ? [ReportText.Question, ReportText.Expected, ReportText.Before, ReportText.After]
            : [ReportText.Question, ReportText.Before, ReportText.After];
        return Section(ReportText.Answers, Table("answers", heads, report.Answers.Select(Row)));

        XElement Row(ComparedAnswer answer)
        {
            var (before, after) = WordDifference.Of(answer.Before, answer.After);
            return Element("tr", null,
                Cell(ReportText.Question, null, answer.Question),
                expected ? Cell(ReportText.Expected, null, answer.Expected ?? "–") : null,
                AnswerCell(ReportText.Before, before, "gone", answer.BeforeIsCorrect),
                AnswerCell(ReportText.After, after, "new", answer.AfterIsCorrect));
        }
    }

    public static XElement? Training(RunReport report)
    {
        var steps = report.History.Steps;
        if (steps.Count == 0)
            return null;
        return Section(ReportText.Training,
            LossFigure(report.History),
            Element("div", "pair",
                SmallFigure(ReportText.LearningRate, "rate", steps, step => step.LearningRate, Power),
                SmallFigure(ReportText.GradNorm, "norm", steps, step => step.GradNorm, Short)),
            Preferences(steps),
            EvaluationFigures.Of(report.History),
            Numbers(report.History));
    }

    public static XElement DataAndModel(RunReport report) => Section(ReportText.Data,
        report.Lengths.Count == 0 ? null : Element("figure", "wide lengths",
            Element("figcaption", null, Element("strong", null, Words(ReportText.Lengths))),
            new BarChart(720, 180).Draw(ReportText.Lengths.English, report.Lengths)),
        Element("dl", "facts", ReportFacts.DataAndModel(report).Select(fact => Element("div", null,
            Element("dt", null, Words(fact.Label)), Element("dd", null, Said(fact.Value))))));

    public static XElement? Settings(RunReport report) => report.Settings.Count == 0 ? null :
        Section(ReportText.Settings, Table("settings",
            [ReportText.Setting, ReportText.Value, ReportText.Origin],
            report.Settings.Select(setting => Element("tr", null,
                Element("th", null, new XAttribute("scope", "row"), Element("code", null, setting.Name)),
                Element("td", null, Element("code", null, setting.Value)),
                Element("td", "origin", Said(ReportText.SetBy(setting.Origin)))))));

    public static XElement? NextCommands(RunReport report) => report.NextCommands.Count == 0 ? null :
        Section(ReportText.Next, Element("dl", "commands", report.NextCommands.Select(next => Element("div", null,
            Element("dt", null, Words(ReportText.Purpose(next.Purpose))),
            Element("dd", null, Element("pre", null, Element("code", null, next.Command)))))));

    private static XElement LossFigure(RunHistory history)
    {
        var raw = history.Steps.Select(step => ((double)step.Step, step.Loss)).ToList();
        var evaluated = history.Evaluations.Select(evaluation => ((double)evaluation.Step, evaluation.Loss)).ToList();
        var chart = new LineChart(720, 300, Short).Draw(
            ReportText.Loss.English,
            new ChartLine("raw", raw),
            new ChartLine("train", [.. history.SmoothedLoss().Select(point => ((double)point.Step, point.Loss))]),
            new ChartLine("eval", evaluated, Marks: true));
        return Element("figure", "wide",
            Element("figcaption", null, Element("strong", null, Words(ReportText.Loss)),
                Key("raw", ReportText.TrainLoss), Key("train", ReportText.SmoothedLoss),
                evaluated.Count > 0 ? Key("eval", ReportText.EvalLoss) : null),
            chart);
    }

    private static XElement? Preferences(IReadOnlyList<StepMetrics> steps)
    {
        const string accuracy = "rewards/accuracies", margin = "rewards/margins";
        return !steps.All(step => step.Further.ContainsKey(accuracy)) ? null : Element("div", "pair",
            SmallFigure(ReportText.PreferenceAccuracy, "rate", steps, step => step.Further[accuracy], Short),
            SmallFigure(ReportText.RewardMargin, "norm", steps, step => step.Further[margin], Short));
    }

    private static XElement SmallFigure(
        Bilingual caption, string style, IReadOnlyList<StepMetrics> steps, Func<StepMetrics, double> value,
        Func<double, string> format) =>
        Element("figure", null,
            Element("figcaption", null, Element("strong", null, Words(caption))),
            new LineChart(352, 180, format).Draw(
                caption.English, new ChartLine(style, [.. steps.Select(step => ((double)step.Step, value(step)))])));

    // A chart cannot be read by everyone; a dozen rows of it can.
    private static XElement Numbers(RunHistory history) => Element("details", null,
        Element("summary", null, Words(ReportText.Numbers)),
        Table("numbers",
            [ReportText.Step, ReportText.TrainLoss, ReportText.EvalLoss, ReportText.LearningRate, ReportText.GradNorm],
            ReportRows.Of(history).Select(row => Element("tr", null,
                Element("th", null, new XAttribute("scope", "row"), Quantities.Count(row.Step)),
                Element("td", null, row.Loss), Element("td", null, row.EvalLoss),
                Element("td", null, row.LearningRate), Element("td", null, row.GradNorm)))));

    private static XElement Section(Bilingual heading, params object?[] content) =>
        Element("section", null, Element("h2", null, Words(heading)), content);

    private static XElement Table(string style, IEnumerable<Bilingual> heads, IEnumerable<XElement> rows) =>
        Element("div", "scroll", Element("table", style,
            Element("thead", null, Element("tr", null, heads.Select(head =>
                Element("th", null, new XAttribute("scope", "col"), Words(head))))),
            Element("tbody", null, rows)));

    // The label repeats the column's head where a narrow screen stacks the cells of a row.
    private static XElement Cell(Bilingual head, string? style, params object?[] content) => Element("td", style,
        Element("span", "head", Words(head)), Element("span", "value", content));

    private static XElement AnswerCell(
        Bilingual head, IReadOnlyList<TextPiece> answer, string changed, bool? correct)
    {
        var mark = correct switch
        {
            true => Mark("✓", ReportText.Correct),
            false => Mark("✗", ReportText.Wrong),
            null => null,
        };
        var style = correct switch { true => "right", false => "wrong", null => null };
        return Cell(head, style, mark, answer is [{ Text.Length: 0 }]
            ? Element("span", "empty", "∅")
            : answer.Select(piece => piece.IsChanged
                ? Element("mark", changed, piece.Text)
                : Element("span", null, piece.Text)));
    }

    private static XElement Mark(string sign, Bilingual meaning) => Element("span", "sign",
        Element("span", null, new XAttribute("aria-hidden", "true"), sign + " "),
        Element("span", "unseen", Words(meaning)));

    private static XElement ScoreCell(Bilingual head, ComparedScore score, double? value)
    {
        if (value is not { } known)
            return Cell(head, null, "–");
        var width = (known * 100).ToString("0.##", CultureInfo.InvariantCulture);
        var bar = score.Kind != ScoreKind.Share ? null : Element("span", "bar", new XAttribute("aria-hidden", "true"),
            Element("span", null, new XAttribute("style", $"width:{width}%"), ""));
        return Cell(head, null, score.Show(known), bar);
    }

    private static XElement Key(string style, Bilingual name) =>
        Element("span", "key " + style, Words(name));

    private static string Power(double value) =>
        value == 0 ? "0" : value.ToString("0.##e-0", CultureInfo.InvariantCulture);

    private static string Short(double value) => value.ToString("0.###", CultureInfo.InvariantCulture);
}
