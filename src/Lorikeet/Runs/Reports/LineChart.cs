using System.Globalization;
using System.Text;
using System.Xml.Linq;
using Lorikeet.Formats;
using static Lorikeet.Runs.Reports.Html;

namespace Lorikeet.Runs.Reports;

/// <summary>One line of a chart.</summary>
/// <param name="Style">CSS class that gives the colour.</param>
/// <param name="Points">Points in order of X; a Y that is not a number breaks the line.</param>
/// <param name="Marks">Whether each point gets a mark that shows its label under the pointer.</param>
internal sealed record ChartLine(string Style, IReadOnlyList<(double X, double Y)> Points, bool Marks = false);

/// <summary>
/// Draws lines over steps as SVG that takes its colours from the page, so it follows light and dark. A chart library
/// would bake them in.
/// </summary>
/// <param name="width">Width in SVG units; the page scales the whole.</param>
/// <param name="height">Height in SVG units.</param>
/// <param name="formatY">Writes the labels of the Y axis.</param>
internal sealed class LineChart(int width, int height, Func<double, string> formatY)
{
    private const int Left = 58;
    private const int Right = 14;
    private const int Top = 10;
    private const int Bottom = 34;

    // More points than this cannot be seen apart; a stretch of steps then becomes its mean.
    private const int MostPoints = 600;

    /// <summary>The chart as an <c>svg</c> element.</summary>
    /// <param name="title">What the chart shows, for those who cannot see it.</param>
    /// <param name="lines">The lines, the undermost first.</param>
    public XElement Draw(string title, params ChartLine[] lines)
    {
        var thinned = lines.Select(line => line with { Points = Thin(line.Points) }).ToList();
        var points = thinned.SelectMany(line => line.Points).ToList();
        var x = new ChartScale(points.Select(point => point.X), Left, width - Right, intervals: 8, wholeTicks: false);
        var y = new ChartScale(points.Select(point => point.Y), height - Bottom, Top, intervals: 5, wholeTicks: true);
        return Element("svg", "chart",
            new XAttribute("viewBox", $"0 0 {width} {height}"), new XAttribute("role", "img"),
            Element("title", null, title),
            y.Ticks.Select(tick => HorizontalTick(y[tick], formatY(tick))),
            x.Ticks.Where(double.IsInteger).Select(tick => VerticalTick(x[tick], Quantities.Count((long)tick))),
            StepLabel(),
            thinned.Select(line => Path(line, x, y)),
            thinned.Where(line => line.Marks).SelectMany(line => Marks(line, x, y)));
    }

    private XElement[] HorizontalTick(double at, string label) =>
    [
        Element("line", "grid", At("x1", Left), At("x2", width - Right), At("y1", at), At("y2", at)),
        Element("text", "label y", At("x", Left - 8), At("y", at + 4), label),
    ];

    private XElement VerticalTick(double at, string label) =>
        Element("text", "label x", At("x", at), At("y", height - 12), label);

    private XElement[] StepLabel()
    {
        var words = Words(ReportText.Step);
        foreach (var word in words)
        {
            word.Name = "text";
            word.SetAttributeValue("class", "label y t");
            word.Add(At("x", Left - 8), At("y", height - 12));
        }

        return words;
    }

    private static XElement Path(ChartLine line, ChartScale x, ChartScale y)
    {
        var path = new StringBuilder();
        var pen = 'M';
        foreach (var point in line.Points)
        {
            if (double.IsFinite(point.Y))
                path.Append(pen).Append(Number(x[point.X])).Append(' ').Append(Number(y[point.Y]));
            pen = double.IsFinite(point.Y) ? 'L' : 'M';
        }

        return Element("path", "line " + line.Style, new XAttribute("d", path.ToString()));
    }

    private IEnumerable<XElement> Marks(ChartLine line, ChartScale x, ChartScale y) =>
        from point in line.Points
        where double.IsFinite(point.Y)
        select Element("circle", "mark " + line.Style, At("cx", x[point.X]), At("cy", y[point.Y]), At("r", 3.5),
            Element("title", null, $"{Quantities.Count((long)point.X)}: {formatY(point.Y)}"));

    private static IReadOnlyList<(double X, double Y)> Thin(IReadOnlyList<(double X, double Y)> points)
    {
        if (points.Count <= MostPoints)
            return points;
        var stretch = (points.Count + MostPoints - 1) / MostPoints;
        return [.. points.Chunk(stretch)
            .Select(chunk => (chunk.Average(point => point.X), chunk.Average(point => point.Y)))];
    }

    private static XAttribute At(string name, double value) => new(name, Number(value));

    private static string Number(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);
}
