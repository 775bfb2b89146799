using System.Globalization;
using System.Numerics;
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

    public static string Repr(object value) => value switch
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

    /// <summary>The shortest digits that read back as the same double, as Python writes them.</summary>
    public static string Float(double value)
    {
        if (double.IsNaN(value))
            return "nan";
        if (double.IsInfinity(value))
            return value > 0 ? "inf" : "-inf";

        var scientific = value.ToString("E16", CultureInfo.InvariantCulture);
        var shortest = value.ToString("R", CultureInfo.InvariantCulture);
        var exponent = int.Parse(scientific[(scientific.IndexOf('E') + 1)..], CultureInfo.InvariantCulture);
        var digits = Digits(shortest);
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
    public static int OriginOf(object value) => value switch
    {
        PyString text => text.CombinedOrigin,
        PySequence sequence => sequence.Items.Aggregate(
            sequence.Origin, (origin, item) => Origin.Combine(origin, OriginOf(item))),
        PyDict dict => dict.Values.Aggregate(
            dict.Origin, (origin, item) => Origin.Combine(origin, OriginOf(item))),
        _ => Origin.Template,
    };

    private static string Digits(string shortest)
    {
        var mantissa = shortest.Split('E')[0].Replace("-", "").Replace(".", "").TrimStart('0');
        var trimmed = mantissa.TrimEnd('0');
        return trimmed.Length == 0 ? "0" : trimmed;
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
