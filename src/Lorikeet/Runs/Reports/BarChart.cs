using System.Globalization;
using System.Xml.Linq;
using Lorikeet.Data.Encoded;
using Lorikeet.Formats;
using static Lorikeet.Runs.Reports.Html;

namespace Lorikeet.Runs.Reports;

/// <summary>Draws how long rows are as bars of an SVG that takes its colours from the page, as LineChart.</summary>
/// <param name="width">Width in SVG units; the page scales the whole.</param>
/// <param name="height">Height in SVG units.</param>
internal sealed class BarChart(int width, int height)
{
    private const int Left = 58;
    private const int Right = 14;
    private const int Top = 10;
    private const int Bottom = 34;
    private const double Gap = 2;

    /// <summary>The chart as an <c>svg</c> element.</summary>
    /// <param name="title">What the chart shows, for those who cannot see it.</param>
    /// <param name="bins">The bars, from left to right; at least one.</param>
    public XElement Draw(string title, IReadOnlyList<LengthBin> bins)
    {
        var y = new ChartScale(
            bins.Select(bin => (double)bin.Rows).Append(0), height - Bottom, Top, intervals: 4, wholeTicks: true);
        var step = (double)(width - Left - Right) / bins.Count;
        return Element("svg", "chart",
            new XAttribute("viewBox", $"0 0 {width} {height}"), new XAttribute("role", "img"),
            Element("title", null, title),
            y.Ticks.Where(double.IsInteger).Select(tick => Tick(y[tick], Quantities.Count((long)tick))),
            bins.Select((bin, index) => Bar(bin, Left + index * step + Gap / 2, step - Gap, y)),
            Edges(bins).Select(edge => Element("text", "label x",
                At("x", Left + edge.Index * step), At("y", height - 12), Quantities.Count(edge.Tokens))));
    }

    /// <summary>The length at which every other bar ends, or each where there are few.</summary>
    private static IEnumerable<(int Index, int Tokens)> Edges(IReadOnlyList<LengthBin> bins) => bins
        .Select((bin, index) => (Index: index + 1, Tokens: bin.To))
        .Where(edge => bins.Count <= 8 || edge.Index % 2 == 0);

    private XElement[] Tick(double at, string label) =>
    [
        Element("line", "grid", At("x1", Left), At("x2", width - Right), At("y1", at), At("y2", at)),
        Element("text", "label y", At("x", Left - 8), At("y", at + 4), label),
    ];

    private static XElement Bar(LengthBin bin, double x, double width, ChartScale y) => Element("rect", "length",
        At("x", x), At("y", y[bin.Rows]), At("width", width), At("height", y[0] - y[bin.Rows]), At("rx", 1.5),
        Element("title", null,
            $"{Quantities.Count(bin.From)}–{Quantities.Count(bin.To)}: {Quantities.Count(bin.Rows)}"));

    private static XAttribute At(string name, double value) =>
        new(name, value.ToString("0.##", CultureInfo.InvariantCulture));
}
