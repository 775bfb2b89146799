namespace Lorikeet.Runs;

/// <summary>A curve in one line of text.</summary>
public static class Sparkline
{
    private const string Blocks = "▁▂▃▄▅▆▇█";

    /// <summary>Draws values from left to right, each character the mean of a stretch of them.</summary>
    /// <param name="values">The values; those that are not finite are passed over.</param>
    /// <param name="width">The most characters to use.</param>
    /// <param name="range">What the blocks span, for curves that are compared; null for this one's values.</param>
    /// <returns>One of eight block characters for each stretch, low to high; empty without values or width.</returns>
    public static string Of(IReadOnlyList<double> values, int width, (double Low, double High)? range = null)
    {
        var finite = values.Where(double.IsFinite).ToList();
        if (finite.Count == 0 || width < 1)
            return "";
        var count = Math.Min(width, finite.Count);
        var means = Enumerable.Range(0, count)
            .Select(index => finite[(index * finite.Count / count)..((index + 1) * finite.Count / count)].Average())
            .ToList();
        var (low, high) = range ?? (means.Min(), means.Max());
        return string.Concat(means.Select(mean =>
            Blocks[high > low ? (int)Math.Round((mean - low) / (high - low) * (Blocks.Length - 1)) : 0]));
    }
}
