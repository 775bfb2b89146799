using System.Globalization;

namespace Lorikeet.Formats;

/// <summary>Sizes of files as people read them.</summary>
internal static class ByteCount
{
    private static readonly string[] s_units = ["B", "KiB", "MiB", "GiB", "TiB"];

    /// <summary><c>1.23 GiB</c>: three digits and a unit.</summary>
    public static string InWords(long value)
    {
        // 999.5 would be rounded up to a fourth digit.
        var (scaled, unit) = ((double)value, 0);
        for (; Math.Abs(scaled) >= 1023.5 && unit < s_units.Length - 1; unit++)
            scaled /= 1024;
        var format = unit == 0 ? "N0" : Math.Abs(scaled) switch { < 9.995 => "0.00", < 99.95 => "0.0", _ => "0" };
        return $"{scaled.ToString(format, CultureInfo.InvariantCulture)} {s_units[unit]}";
    }
}
