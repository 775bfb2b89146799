using System.Globalization;

namespace Lorikeet.Studio.Views;

/// <summary>A line over steps.</summary>
/// <param name="Name">What it is of.</param>
/// <param name="Points">Steps and values, in order; values that are not finite are left out.</param>
public sealed record Curve(string Name, IReadOnlyList<(int Step, double Value)> Points)
{
    /// <summary>Most points of a curve that a screen tells apart.</summary>
    public const int MostPoints = 160;

    private const int MostLabels = 6;

    /// <summary>
    /// Curves over one axis: the steps they have in common, thinned out to <see cref="MostPoints"/> means, a value or
    /// null at each.
    /// </summary>
    /// <param name="curves">The curves.</param>
    public static CurveGrid Grid(IReadOnlyList<Curve> curves)
    {
        var steps = curves.SelectMany(curve => curve.Points.Select(point => point.Step)).Distinct().Order().ToList();
        if (steps.Count == 0)
            return new CurveGrid([], [], [.. curves.Select(_ => (IReadOnlyList<double?>)[])]);
        var width = (steps.Count + MostPoints - 1) / MostPoints;
        var bins = steps.Chunk(width).ToList();
        var ends = bins.ConvertAll(bin => bin[^1]);
        var values = curves.Select(curve => (IReadOnlyList<double?>)Means(curve, bins)).ToList();
        var every = Math.Max(1, (int)Math.Ceiling(ends.Count / (double)MostLabels));
        string[] labels =
        [
            .. ends.Select((step, i) => i % every == every - 1 || ends.Count <= MostLabels
                ? step.ToString(CultureInfo.InvariantCulture)
                : ""),
        ];
        return new CurveGrid(ends, labels, values);
    }

    /// <summary>
    /// By how much values are multiplied for a chart whose lines lie 20 apart, so that three to six of them are drawn,
    /// at round values: 1, 2 or 5 times a power of ten.
    /// </summary>
    /// <param name="largest">The largest value.</param>
    public static double ScaleOf(double largest)
    {
        if (!(largest > 0) || !double.IsFinite(largest))
            return 1;
        const double most = 110;
        var power = Math.Pow(10, Math.Floor(Math.Log10(most / largest)));
        return new[] { 5, 2, 1 }.Select(step => step * power).First(scale => scale * largest <= most);
    }

    private static double?[] Means(Curve curve, List<int[]> bins)
    {
        var means = new double?[bins.Count];
        var point = 0;
        for (var bin = 0; bin < bins.Count; bin++)
        {
            var (sum, count) = (0.0, 0);
            for (; point < curve.Points.Count && curve.Points[point].Step <= bins[bin][^1]; point++)
            {
                if (double.IsFinite(curve.Points[point].Value))
                    (sum, count) = (sum + curve.Points[point].Value, count + 1);
            }

            means[bin] = count > 0 ? sum / count : null;
        }

        return means;
    }
}

/// <summary>Curves as a chart takes them.</summary>
/// <param name="Steps">The last step of each point.</param>
/// <param name="Labels">What the axis says at each; most say nothing.</param>
/// <param name="Values">Of each curve, a value at each, or null.</param>
public sealed record CurveGrid(
    IReadOnlyList<int> Steps, IReadOnlyList<string> Labels, IReadOnlyList<IReadOnlyList<double?>> Values);
