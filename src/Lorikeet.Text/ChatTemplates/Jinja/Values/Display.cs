using System.Globalization;
using System.Numerics;
using Lorikeet.Formats;
using Lorikeet.Text.ChatTemplates.Jinja.Runtime;

namespace Lorikeet.Text.ChatTemplates.Jinja.Values;

/// <summary>Python's <c>str</c> and <c>repr</c>.</summary>
internal static class Display
{
    /// <summary>What a print tag prints.</summary>
    public static PyString Str(object value) => value switch
    {
        PyString text => text,
        Undefined => PyString.Empty,
        _ => new PyString(Repr(value), OriginOf(value)),
    };

    public static string Repr(object value)
    {
        var text = new MeteredText();
        AppendRepr(text, value);
        return text.ToString();
    }

    /// <summary>The digits of an int; as in CPython, not of one that has too many.</summary>
    public static string Integer(BigInteger value)
    {
        // A digit is more than three bits.
        if (value.GetBitLength() <= 4 * ReadingLimits.Digits
            && value.ToString(CultureInfo.InvariantCulture) is var digits
            && digits.Length <= ReadingLimits.Digits + (value.Sign < 0 ? 1 : 0))
        {
            return digits;
        }

        throw JinjaException.Value(
            $"Exceeds the limit ({ReadingLimits.Digits} digits) for integer string conversion; use " +
            "sys.set_int_max_str_digits() to increase the limit");
    }

    /// <summary>The shortest digits that read back as the same double, as Python writes them.</summary>
    public static string Float(double value)
    {
        if (double.IsNaN(value))
            return "nan";
        if (double.IsInfinity(value))
            return value > 0 ? "inf" : "-inf";

        var (digits, exponent) = Digits(value);
        var sign = value < 0 || (value == 0 && double.IsNegative(value)) ? "-" : "";
        if (value == 0)
            return sign + "0.0";
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

    /// <summary>A quoted string literal with Python's choice of quotes and escapes.</summary>
    public static string Quote(string text)
    {
        var quoted = new MeteredText();
        AppendQuoted(quoted, text);
        return quoted.ToString();
    }

    /// <summary>The origins of all text inside a value, combined.</summary>
    public static int OriginOf(object value)
    {
        using var level = DepthGuard.Enter();
        RenderingBudget.Step();
        return value switch
        {
            PyString text => text.CombinedOrigin,
            PySequence sequence => sequence.Items.Aggregate(
                sequence.Origin, (origin, item) => Origin.Combine(origin, OriginOf(item))),
            PyDict dict => dict.Values.Aggregate(
                dict.Origin, (origin, item) => Origin.Combine(origin, OriginOf(item))),
            _ => Origin.Template,
        };
    }

    /// <summary>The shortest significant digits, and the power of ten of the first one.</summary>
    private static (string Digits, int Exponent) Digits(double value)
    {
        var parts = Math.Abs(value).ToString("R", CultureInfo.InvariantCulture).Split('E');
        var point = parts[0].IndexOf('.');
        var all = parts[0].Replace(".", "");
        var digits = all.TrimStart('0');
        var exponent = (point < 0 ? all.Length : point) - 1 - (all.Length - digits.Length);
        if (parts.Length == 2)
            exponent += int.Parse(parts[1], CultureInfo.InvariantCulture);
        return (digits.TrimEnd('0'), exponent);
    }

    private static string Escape(int codePoint) => codePoint switch
    {
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        < 0x100 => $"\\x{codePoint:x2}",
        < 0x10000 => $"\\u{codePoint:x4}",
        _ => $"\\U{codePoint:x8}",
    };

    private static void AppendRepr(MeteredText text, object value)
    {
        using var level = DepthGuard.Enter();
        RenderingBudget.Step();
        switch (value)
        {
            case PyString { IsMarkup: true } safe:
                text.Append("Markup(");
                AppendQuoted(text, safe.Text);
                text.Append(')');
                break;
            case PyString plain:
                AppendQuoted(text, plain.Text);
                break;
            case PyRange range:
                text.Append(range.Description);
                break;
            case PySequence sequence:
                AppendSequence(text, sequence);
                break;
            case PyDict dict:
                AppendBraces(text, dict);
                break;
            case Namespace space:
                text.Append("<Namespace ");
                AppendBraces(text, space.Attributes);
                text.Append('>');
                break;
            default:
                text.Append(Scalar(value));
                break;
        }
    }

    private static string Scalar(object value) => value switch
    {
        PyNone => "None",
        bool flag => flag ? "True" : "False",
        BigInteger integer => Integer(integer),
        double real => Float(real),
        Undefined => "Undefined",
        LoopContext loop => $"<LoopContext {loop.Index0 + 1}/{loop.Length}>",
        Macro macro => macro.Name is null ? "<Macro anonymous>" : $"<Macro {Quote(macro.Name)}>",
        _ => $"<{PyType.NameOf(value)} object>",
    };

    private static void AppendQuoted(MeteredText result, string text)
    {
        var quote = text.Contains('\'') && !text.Contains('"') ? '"' : '\'';
        result.Append(quote);
        for (var i = 0; i < text.Length; i++)
        {
            var length = PyText.CodePointLength(text, i);
            if (text[i] == quote || text[i] == '\\')
                result.Append('\\').Append(text[i]);
            else if (PyText.IsPrintable(text, i))
                result.Append(text.AsSpan(i, length));
            else
                result.Append(Escape(length == 2 ? char.ConvertToUtf32(text, i) : text[i]));
            i += length - 1;
        }
        result.Append(quote);
    }

    private static void AppendSequence(MeteredText text, PySequence sequence)
    {
        var (open, close) = sequence.Kind switch
        {
            SequenceKind.List => ("[", "]"),
            SequenceKind.Tuple => ("(", sequence.Items.Count == 1 ? ",)" : ")"),
            _ => ($"{sequence.TypeName}([", "])"),
        };
        text.Append(open);
        for (var i = 0; i < sequence.Items.Count; i++)
        {
            if (i > 0)
                text.Append(", ");
            AppendRepr(text, sequence.Items[i]);
        }
        text.Append(close);
    }

    private static void AppendBraces(MeteredText text, PyDict dict)
    {
        text.Append('{');
        var isFirst = true;
        foreach (var pair in dict.Pairs)
        {
            if (!isFirst)
                text.Append(", ");
            isFirst = false;
            AppendRepr(text, pair.Items[0]);
            text.Append(": ");
            AppendRepr(text, pair.Items[1]);
        }
        text.Append('}');
    }
}
