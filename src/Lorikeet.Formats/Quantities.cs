using System.Globalization;

namespace Lorikeet.Formats;

/// <summary>Numbers as people read them. The culture is invariant: 1,234.5.</summary>
public static class Quantities
{
    private static readonly string[] DecimalPrefixes = ["", " K", " M", " B", " T"];

    /// <summary><c>1,234,567</c>.</summary>
    /// <param name="value">A whole number.</param>
    public static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>Three digits and a magnitude: <c>6.43 M</c>, <c>1.10 B</c>.</summary>
    /// <param name="value">A whole number.</param>
    public static string Magnitude(long value)
    {
        var (scaled, unit) = Scale(value, 1000, DecimalPrefixes.Length);
        return unit == 0 ? Count(value) : ThreeDigits(scaled) + DecimalPrefixes[unit];
    }

    /// <summary><c>1.23 GiB</c>.</summary>
    /// <param name="value">Bytes.</param>
    public static string Bytes(long value) => ByteCount.InWords(value);

    /// <summary><c>0.84 s</c>, <c>12.3 s</c>, <c>2:05</c> (minutes), <c>1:02:03</c> (hours).</summary>
    /// <param name="seconds">Seconds.</param>
    public static string Duration(double seconds) => seconds switch
    {
        double.NaN or < 0 => "?",
        < 9.995 => seconds.ToString("0.00", CultureInfo.InvariantCulture) + " s",
        < 59.95 => seconds.ToString("0.0", CultureInfo.InvariantCulture) + " s",
        _ => Clock(seconds),
    };

    /// <summary>A time that counts: <c>0:07</c>, <c>2:05</c>, <c>1:02:03</c>, <c>3 d 04:05</c>.</summary>
    /// <param name="seconds">Seconds; what is negative or no number is <c>?</c>.</param>
    public static string Clock(double seconds)
    {
        if (!double.IsFinite(seconds) || seconds < 0)
            return "?";
        var whole = TimeSpan.FromSeconds(Math.Round(seconds));
        if (whole.TotalDays >= 1)
            return $"{(int)whole.TotalDays} d {whole.Hours:00}:{whole.Minutes:00}";
        return whole.TotalHours >= 1
            ? $"{whole.Hours}:{whole.Minutes:00}:{whole.Seconds:00}"
            : $"{whole.Minutes}:{whole.Seconds:00}";
    }

    /// <summary>Four decimals: <c>0.4321</c>.</summary>
    /// <param name="value">A mean cross-entropy, in nats.</param>
    public static string Loss(double value) => value.ToString("0.0000", CultureInfo.InvariantCulture);

    /// <summary>A learning rate: <c>2.00e-04</c>; zero is <c>0</c>.</summary>
    /// <param name="value">The rate.</param>
    public static string Rate(double value) =>
        value == 0 ? "0" : value.ToString("0.00e-00", CultureInfo.InvariantCulture);

    /// <summary><c>97.4 %</c> of a share from 0 to 1.</summary>
    /// <param name="share">The share.</param>
    public static string Percent(double share) => (share * 100).ToString("0.0", CultureInfo.InvariantCulture) + " %";

    private static (double Scaled, int Unit) Scale(long value, int step, int units)
    {
        var scaled = (double)value;
        var unit = 0;
        // 999.5 would be rounded up to a fourth digit.
        for (; Math.Abs(scaled) >= step - 0.5 && unit < units - 1; unit++)
            scaled /= step;
        return (scaled, unit);
    }

    private static string ThreeDigits(double value) => value.ToString(
        Math.Abs(value) switch { < 9.995 => "0.00", < 99.95 => "0.0", _ => "0" }, CultureInfo.InvariantCulture);
}
