using System.Net;
using Lorikeet.Formats;
using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Legends;
using OxyPlot.Series;

namespace Lorikeet.Cli.Runs;

/// <summary>Curves of runs as a picture: SVG, or a page that holds it.</summary>
internal static class RunChart
{
    private const double Width = 900;
    private const double Height = 480;

    // Okabe and Ito's colours, which are told apart by colour-blind readers too; black last, for it looks like an axis.
    private static readonly OxyColor[] s_colours =
    [
        .. new[] { "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000" }.Select(OxyColor.Parse),
    ];

    /// <summary>Writes the file in the format that its ending says.</summary>
    /// <exception cref="ConfigurationException">The ending is neither svg nor html.</exception>
    public static void Write(string file, string title, string value, IReadOnlyList<IReadOnlyList<RunCurve>> runs)
    {
        var isPage = Path.GetExtension(file).ToLowerInvariant() switch
        {
            ".html" or ".htm" => true,
            ".svg" => false,
            var ending => throw new ConfigurationException(
                $"'output' ends in '{ending}'. Charts are written as .svg or .html. Name a file that ends so."),
        };
        var svg = Draw(title, value, runs);
        AtomicFile.WriteText(file, isPage ? Page(title, svg) : svg);
    }

    private static string Draw(string title, string value, IReadOnlyList<IReadOnlyList<RunCurve>> runs)
    {
        var plot = new PlotModel
        {
            Title = title,
            Background = OxyColors.White,
            DefaultFont = "Helvetica, Arial, sans-serif",
            DefaultFontSize = 13,
        };
        plot.Legends.Add(new Legend
        {
            LegendPosition = LegendPosition.RightTop,
            LegendBackground = OxyColors.White,
            LegendPadding = 24, // the reader's font may be wider than the one that is measured
        });
        plot.Axes.Add(Axis(AxisPosition.Bottom, "step"));
        plot.Axes.Add(Axis(AxisPosition.Left, value));
        foreach (var (index, curves) in runs.Index())
        {
            foreach (var curve in curves)
            {
                var series = new LineSeries
                {
                    Title = curve.Name,
                    Color = s_colours[index % s_colours.Length],
                    StrokeThickness = 2,
                    LineStyle = curve.IsHeldOut ? LineStyle.Dash : LineStyle.Solid,
                    MarkerType = curve.IsHeldOut ? MarkerType.Circle : MarkerType.None,
                    MarkerFill = s_colours[index % s_colours.Length],
                };
                series.Points.AddRange(curve.Points.Select(point => new DataPoint(point.Step, point.Value)));
                plot.Series.Add(series);
            }
        }

        return SvgExporter.ExportToString(plot, Width, Height, isDocument: false);
    }

    private static LinearAxis Axis(AxisPosition position, string title) => new()
    {
        Position = position,
        Title = title,
        MajorGridlineStyle = LineStyle.Solid,
        MajorGridlineColor = OxyColor.FromRgb(0xE4, 0xE4, 0xE4),
        AxislineColor = OxyColors.Gray,
        TicklineColor = OxyColors.Gray,
    };

    private static string Page(string title, string svg) => $"""
        <!doctype html>
        <html lang="en">
        <head><meta charset="utf-8"/><title>{WebUtility.HtmlEncode(title)}</title></head>
        <body style="margin: 2rem; background: white">
        {svg}
        </body>
        </html>

        """;
}
