using System.Globalization;
using System.Numerics;
using Lorikeet.Formats;
using Lorikeet.Text.ChatTemplates.Jinja.Runtime;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Builtins;

/// <summary>Filters on numbers.</summary>
internal static class NumberFilters
{
    public static object Abs(object value, CallArguments arguments)
    {
        arguments.Bind();
        if (!Number.TryFrom(value, out var number))
            throw JinjaException.Type($"bad operand type for abs(): '{PyType.NameOf(value)}'");
        return number.IsInteger ? BigInteger.Abs(number.Integer) : (object)Math.Abs(number.ToDouble());
    }

    public static object Int(object value, CallArguments arguments)
    {
        var a = arguments.Bind("default", "base");
        var fallback = a.Or(0, BigInteger.Zero);
        switch (value)
        {
            case PyString text:
                if (TryParseInteger(text.Text, a.Integer(1, 10), out var integer))
                    return integer;
                return TryParseFloat(text.Text, out var real) && double.IsFinite(real) ? Truncate(real) : fallback;
            case Undefined undefined:
                throw undefined.Error();
            default:
                return Number.TryFrom(value, out _) ? Truncate(value) : fallback;
        }
    }

    public static object Float(object value, CallArguments arguments)
    {
        var fallback = arguments.Bind("default").Or(0, 0.0);
        return value switch
        {
            PyString text => TryParseFloat(text.Text, out var real) ? real : fallback,
            Undefined undefined => throw undefined.Error(),
            _ => Number.TryFrom(value, out var number) ? number.ToDouble() : fallback,
        };
    }

    public static object Round(object value, CallArguments arguments)
    {
        var a = arguments.Bind("precision", "method");
        var precision = a.Integer(0, 0);
        var method = a.Text(1, "common").Text;
        if (method is not ("common" or "ceil" or "floor"))
            throw JinjaException.Argument("method must be common, ceil or floor");
        if (!Number.TryFrom(value, out var number))
            throw JinjaException.Type($"type {PyType.NameOf(value)} doesn't define __round__ method");
        if (method == "common" && number.IsInteger)
            return RoundInteger(number.Integer, precision);

        var scale = Math.Pow(10, precision);
        return method switch
        {
            "common" => RoundReal(number.ToDouble(), precision),
            "ceil" => Math.Ceiling(number.ToDouble() * scale) / scale,
            _ => Math.Floor(number.ToDouble() * scale) / scale,
        };
    }

    public static object FileSize(object value, CallArguments arguments)
    {
        var isBinary = arguments.Bind("binary").Flag(0);
        var bytes = ParseFloat(value);
        var unitBase = isBinary ? 1024.0 : 1000.0;
        string[] prefixes = isBinary
            ? ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"]
            : ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
        if (bytes == 1)
            return new PyString("1 Byte");
        if (bytes < unitBase)
            return new PyString($"{(long)bytes} Bytes");

        var index = 0;
        while (index < prefixes.Length - 1 && bytes >= Math.Pow(unitBase, index + 2))
            index++;
        var amount = bytes / Math.Pow(unitBase, index + 1);
        return new PyString($"{amount.ToString("F1", CultureInfo.InvariantCulture)} {prefixes[index]}");
    }

    /// <summary>Python's <c>int</c> of a number.</summary>
    public static BigInteger Truncate(object value) => value switch
    {
        bool flag => flag ? BigInteger.One : BigInteger.Zero,
        double.NaN => throw JinjaException.Value("cannot convert float NaN to integer"),
        double real when double.IsInfinity(real) =>
            throw new JinjaException("OverflowError", "cannot convert float infinity to integer"),
        double real => new BigInteger(Math.Truncate(real)),
        _ => (BigInteger)value,
    };

    private static double ParseFloat(object value) => value switch
    {
        PyString text => TryParseFloat(text.Text, out var real)
            ? real
            : throw JinjaException.Value($"could not convert string to float: {Display.Repr(text)}"),
        Undefined undefined => throw undefined.Error(),
        _ => Number.TryFrom(value, out var number)
            ? number.ToDouble()
            : throw JinjaException.Type(
                $"float() argument must be a string or a real number, not '{PyType.NameOf(value)}'"),
    };

    private static object RoundInteger(BigInteger value, int precision)
    {
        if (precision >= 0)
            return value;
        // Rounding to a power of ten beyond the number leaves nothing of it.
        if (-(long)precision > value.GetBitLength())
            return BigInteger.Zero;
        var scale = BigInteger.Pow(10, -precision);
        var (quotient, remainder) = BigInteger.DivRem(BigInteger.Abs(value), scale);
        var twice = remainder * 2;
        if (twice > scale || (twice == scale && !quotient.IsEven))
            quotient++;
        return quotient * scale * value.Sign;
    }

    /// <summary>Rounds the exact decimal value, ties to even, as Python does.</summary>
    private static double RoundReal(double value, int precision)
    {
        if (!double.IsFinite(value) || precision > 300)
            return value;
        if (precision < 0)
        {
            var scale = Math.Pow(10, -precision);
            return Math.Round(value / scale, MidpointRounding.ToEven) * scale;
        }
        if (Math.Abs(value) < 1e15 && precision == 0)
            return Math.Round(value, MidpointRounding.ToEven);
        return double.Parse(
            value.ToString($"F{precision}", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
    }

    private static bool TryParseFloat(string text, out double value)
    {
        var digits = text.Trim().Replace("_", "");
        value = digits.ToLowerInvariant().TrimStart('+', '-') switch
        {
            "inf" or "infinity" => double.PositiveInfinity,
            "nan" => double.NaN,
            _ => 0,
        };
        if (value != 0)
        {
            value = digits[0] == '-' ? -value : value;
            return true;
        }
        return double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out value);
    }

    private static bool TryParseInteger(string text, int radix, out BigInteger value)
    {
        value = BigInteger.Zero;
        var digits = text.Trim().Replace("_", "").ToLowerInvariant();
        var sign = digits is ['-', ..] ? -1 : 1;
        digits = digits is ['-' or '+', ..] ? digits[1..] : digits;
        var prefix = radix switch { 2 => "0b", 8 => "0o", 16 => "0x", _ => "" };
        if (prefix.Length > 0 && digits.StartsWith(prefix, StringComparison.Ordinal))
            digits = digits[2..];
        if (digits.Length > ReadingLimits.Digits)
        {
            throw JinjaException.Value(
                $"Exceeds the limit ({ReadingLimits.Digits} digits) for integer string conversion: value has " +
                $"{digits.Length} digits");
        }

        foreach (var c in digits)
        {
            RenderingBudget.Step();
            var digit = char.IsAsciiDigit(c) ? c - '0' : char.IsAsciiLetterLower(c) ? c - 'a' + 10 : radix;
            if (digit >= radix)
                return false;
            value = value * radix + digit;
        }
        value *= sign;
        return digits.Length > 0;
    }
}
