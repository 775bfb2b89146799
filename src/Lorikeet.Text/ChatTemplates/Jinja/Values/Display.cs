using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Text;
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
        RuntimeHelpers.EnsureSufficientExecutionStack();
        return value switch
        {
            PyNone => "None",
            bool flag => flag ? "True" : "False",
            BigInteger integer => integer.ToString(CultureInfo.InvariantCulture),
            double real => Float(real),
            PyString { IsMarkup: true } text => $"Markup({Quote(text.Text)})",
            PyString text => Quote(text.Text),
            PyRange range => range.Description,
            PySequence sequence => Sequence(sequence),
            PyDict dict => Braces(dict),
            Undefined => "Undefined",
            Namespace space => $"<Namespace {Braces(space.Attributes)}>",
            LoopContext loop => $"<LoopContext {loop.Index0 + 1}/{loop.Length}>",
            Macro macro => macro.Name is null ? "<Macro anonymous>" : $"<Macro {Quote(macro.Name)}>",
            _ => $"<{PyType.NameOf(value)} object>",
        };
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
        var quote = text.Contains('\'') && !text.Contains('"') ? '"' : '\'';
        var result = new StringBuilder(text.Length + 2).Append(quote);
        for (var i = 0; i < text.Length; i++)
        {
            var length = PyText.CodePointLength(text, i);
            if (text[i] == quote || text[i] == '\\')
                result.Append('\\').Append(text[i]);
            else if (PyText.IsPrintable(text, i))
                result.Append(text, i, length);
            else
                result.Append(Escape(length == 2 ? char.ConvertToUtf32(text, i) : text[i]));
            i += length - 1;
        }
        return result.Append(quote).ToString();
    }

    /// <summary>The origins of all text inside a value, combined.</summary>
    public static int OriginOf(object value)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
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

    private static string Sequence(PySequence sequence)
    {
        var items = string.Join(", ", sequence.Items.Select(Repr));
        return sequence.Kind switch
        {
            SequenceKind.List => $"[{items}]",
            SequenceKind.Tuple => sequence.Items.Count == 1 ? $"({items},)" : $"({items})",
            _ => $"{sequence.TypeName}([{items}])",
        };
    }

    private static string Braces(PyDict dict) =>
        "{" + string.Join(", ", dict.Pairs.Select(pair => $"{Repr(pair.Items[0])}: {Repr(pair.Items[1])}")) + "}";
}
