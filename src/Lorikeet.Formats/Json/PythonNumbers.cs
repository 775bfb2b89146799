using System.Globalization;
using System.Text;

namespace Lorikeet.Formats.Json;

/// <summary>Floating-point numbers in JSON as Python's <c>json</c> reads and writes them.</summary>
/// <remarks>
/// Python distinguishes <c>6</c> from <c>6.0</c>, and so do readers there: "llm_int8_threshold must be a float". It
/// also has three literals that JSON lacks. Here they are read as numbers that no file contains.
/// </remarks>
internal static class PythonNumbers
{
    private const string NaN = "-0e-999999999";
    private const string Infinity = "1e999999999";

    private static readonly (string Literal, string Number)[] s_literals =
        [("NaN", NaN), ("-Infinity", "-" + Infinity), ("Infinity", Infinity)];

    /// <summary>The number that the raw text of an element stands for.</summary>
    public static double Read(string raw) => raw switch
    {
        NaN => double.NaN,
        _ => double.Parse(raw, NumberStyles.Float, CultureInfo.InvariantCulture),
    };

    /// <summary>The raw text of a number as it was in the file.</summary>
    public static string Literal(string raw) =>
        Array.Find(s_literals, known => known.Number == raw) is { Literal: { } literal } ? literal : raw;

    /// <summary>
    /// Shortest text that reads as the same number, with a point or an exponent: Python's <c>repr</c>.
    /// </summary>
    public static string Write(double value)
    {
        if (double.IsNaN(value))
            return "NaN";
        if (double.IsInfinity(value))
            return value > 0 ? "Infinity" : "-Infinity";
        var sign = double.IsNegative(value) ? "-" : "";
        var (digits, exponent) = Shortest(Math.Abs(value));
        if (exponent is < -4 or >= 16)
        {
            var mantissa = digits.Length == 1 ? digits : $"{digits[0]}.{digits[1..]}";
            return $"{sign}{mantissa}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
        }

        if (exponent < 0)
            return $"{sign}0.{new string('0', -exponent - 1)}{digits}";
        digits = digits.PadRight(exponent + 2, '0');
        return $"{sign}{digits[..(exponent + 1)]}.{digits[(exponent + 1)..]}";
    }

    /// <summary>The fewest digits that tell the number from its neighbours, d.ddd times a power of ten.</summary>
    private static (string Digits, int Exponent) Shortest(double value)
    {
        var parts = value.ToString("R", CultureInfo.InvariantCulture).Split('E');
        var point = parts[0].IndexOf('.') is >= 0 and var found ? found : parts[0].Length;
        var all = parts[0].Replace(".", "");
        var digits = all.TrimStart('0');
        if (digits == "")
            return ("0", 0);
        var exponent = point - 1 - (all.Length - digits.Length);
        if (parts.Length > 1)
            exponent += int.Parse(parts[1], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        return (digits.TrimEnd('0'), exponent);
    }

    /// <summary>The text with Python's literals as numbers; null when there are none.</summary>
    public static byte[]? Replace(ReadOnlySpan<byte> text)
    {
        if (text.IndexOf("NaN"u8) < 0 && text.IndexOf("Infinity"u8) < 0)
            return null;
        var result = new MemoryStream(text.Length + 64);
        var (inString, found) = (false, false);
        for (var i = 0; i < text.Length; i++)
        {
            if (inString && text[i] == '\\' && i + 1 < text.Length)
            {
                result.Write(text.Slice(i++, 2));
                continue;
            }

            if (text[i] == '"')
                inString = !inString;
            if (!inString && MatchAt(text[i..]) is var (literal, number))
            {
                result.Write(Encoding.ASCII.GetBytes(number));
                i += literal.Length - 1;
                found = true;
                continue;
            }

            result.WriteByte(text[i]);
        }

        return found ? result.ToArray() : null;
    }

    private static (string Literal, string Number)? MatchAt(ReadOnlySpan<byte> text)
    {
        if (text[0] is not ((byte)'N' or (byte)'I' or (byte)'-'))
            return null;
        foreach (var known in s_literals)
        {
            if (text.Length >= known.Literal.Length
                && Ascii.Equals(text[..known.Literal.Length], known.Literal))
                return known;
        }

        return null;
    }
}
