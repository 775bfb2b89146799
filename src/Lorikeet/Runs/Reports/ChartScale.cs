namespace Lorikeet.Runs.Reports;

/// <summary>A straight mapping from values to positions, with ticks at round numbers.</summary>
internal sealed class ChartScale
{
    private readonly double _start;
    private readonly double _end;

    /// <summary>Spans the values; the lower bound falls to zero when the values come near it.</summary>
    /// <param name="values">The values; NaN and infinity are passed over.</param>
    /// <param name="start">Position of the lowest value.</param>
    /// <param name="end">Position of the highest value.</param>
    /// <param name="intervals">About how many tick intervals to make.</param>
    /// <param name="wholeTicks">Whether both ends fall on ticks.</param>
    public ChartScale(IEnumerable<double> values, double start, double end, int intervals, bool wholeTicks)
    {
        (_start, _end) = (start, end);
        var finite = values.Where(double.IsFinite).DefaultIfEmpty(0).ToList();
        (Low, High) = (finite.Min(), finite.Max());
        if (wholeTicks && Low > 0 && Low < High / 3)
            Low = 0;
        if (High - Low < 1e-12)
            High = Low + Math.Max(1e-6, Math.Abs(Low));
        var step = RoundStep((High - Low) / intervals);
        if (wholeTicks)
            (Low, High) = (Math.Floor(Low / step + 1e-9) * step, Math.Ceiling(High / step - 1e-9) * step);
        var first = (long)Math.Ceiling(Low / step - 1e-9);
        var last = (long)Math.Floor(High / step + 1e-9);
        Ticks = [.. Enumerable.Range(0, (int)(last - first) + 1).Select(index => (first + index) * step)];
    }

    /// <summary>The lowest value shown.</summary>
    public double Low { get; }

    /// <summary>The highest value shown.</summary>
    public double High { get; }

    /// <summary>Round values to label, ascending.</summary>
    public IReadOnlyList<double> Ticks { get; }

    /// <summary>The position of a value.</summary>
    public double this[double value] => _start + (value - Low) / (High - Low) * (_end - _start);

    // The nearest of 1, 2, 5 times a power of ten that makes no more intervals than asked for.
    private static double RoundStep(double atLeast)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(atLeast)));
        return power * (atLeast / power) switch { <= 1 => 1, <= 2 => 2, <= 5 => 5, _ => 10 };
    }
}
