using System.Globalization;
using System.Numerics;
using System.Text.RegularExpressions;
using Lorikeet.Text.ChatTemplates.Jinja.Runtime;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Builtins;

/// <summary>One conversion: fill, alignment, sign, width, grouping, precision and type.</summary>
internal sealed partial record FormatSpec
{
    public string Fill { get; init; } = " ";

    /// <summary><c>&lt;</c>, <c>&gt;</c>, <c>^</c>, <c>=</c>, or null for the type's own.</summary>
    public char? Align { get; init; }

    public char Sign { get; init; } = '-';

    public bool IsAlternate { get; init; }

    public int Width { get; init; }

    public string Grouping { get; init; } = "";

    public int? Precision { get; init; }

    public char? Type { get; init; }

    /// <summary>Reads the text after the colon of a replacement field.</summary>
    public static FormatSpec Parse(string text)
    {
        var match = Pattern().Match(text);
        if (!match.Success)
            throw JinjaException.Value($"Invalid format specifier '{text}'");
        var isZeroPadded = match.Groups["zero"].Success;
        var align = match.Groups["align"].Value;
        return new FormatSpec
        {
            Fill = match.Groups["fill"] is { Success: true } fill ? fill.Value : isZeroPadded ? "0" : " ",
            Align = align.Length > 0 ? align[0] : isZeroPadded ? '=' : null,
            Sign = match.Groups["sign"].Value is [var sign] ? sign : '-',
            IsAlternate = match.Groups["alternate"].Success,
            Width = ToInt(match.Groups["width"]) ?? 0,
            Grouping = match.Groups["grouping"].Value,
            Precision = ToInt(match.Groups["precision"]),
            Type = match.Groups["type"].Value is [var type] ? type : null,
        };
    }

    /// <summary>Formats as <c>format(value, spec)</c> does.</summary>
    public PyString Apply(object value)
    {
        if (!Number.TryFrom(value, out var number))
            return ApplyToText(Display.Str(value));
        if (Type == 's')
        {
            throw JinjaException.Value(
                $"Unknown format code 's' for object of type '{PyType.NameOf(value)}'");
        }
        var isReal = !number.IsInteger || Type is 'e' or 'E' or 'f' or 'F' or 'g' or 'G' or '%';
        return Pad(isReal ? Real(number.ToDouble()) : Integer(number.Integer), defaultAlign: '>');
    }

    public PyString ApplyToText(PyString text)
    {
        if (Type is not (null or 's'))
            throw JinjaException.Value($"Unknown format code '{Type}' for object of type 'str'");
        if (Precision is { } most)
            text = text.Slice(0, PyText.Offset(text.Text, most));
        return Pad(text, defaultAlign: '<');
    }

    [GeneratedRegex(
        @"^(?:(?<fill>.)?(?<align>[<>=^]))?(?<sign>[-+ ])?(?<alternate>\#)?(?<zero>0)?(?<width>[0-9]+)?" +
        @"(?<grouping>[,_])?(?:\.(?<precision>[0-9]+))?(?<type>[bcdeEfFgGnosxX%])?$", RegexOptions.Singleline)]
    private static partial Regex Pattern();

    private static int? ToInt(Group group) =>
        !group.Success ? null
        : int.TryParse(group.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var size) ? size
        : throw JinjaException.Value("Too many decimal digits in format string");

    private PyString Pad(PyString text, char defaultAlign)
    {
        var missing = Math.Max(0, Width - PyText.Length(text.Text));
        var align = Align ?? defaultAlign;
        if (align == '=')
        {
            var signLength = text.Text is ['-' or '+' or ' ', ..] ? 1 : 0;
            return PyString.Concat([text.Slice(0, signLength), Filled(missing), text.From(signLength)]);
        }
        var before = align switch { '<' => 0, '>' => missing, _ => missing / 2 };
        return missing == 0 ? text : PyString.Concat([Filled(before), text, Filled(missing - before)]);
    }

    private PyString Filled(int count)
    {
        RenderingBudget.Text(count);
        return string.Concat(Enumerable.Repeat(Fill, count));
    }

    private string Signed(bool isNegative, string digits) =>
        (isNegative ? "-" : Sign == '-' ? "" : Sign.ToString()) + digits;

    private string Integer(BigInteger value)
    {
        var size = BigInteger.Abs(value);
        var digits = Type switch
        {
            'x' => Radix(size, 16, "0x"),
            'X' => Radix(size, 16, "0X").ToUpperInvariant(),
            'o' => Radix(size, 8, "0o"),
            'b' => Radix(size, 2, "0b"),
            'c' => Character(value),
            _ => Group(Padded(Display.Integer(size))),
        };
        return Signed(value.Sign < 0, digits);
    }

    private static string Character(BigInteger value)
    {
        if (value < 0 || value > 0x10FFFF)
            throw new JinjaException("OverflowError", "%c arg not in range(0x110000)");
        var code = (int)value;
        return code is >= 0xD800 and <= 0xDFFF ? ((char)code).ToString() : char.ConvertFromUtf32(code);
    }

    private string Padded(string digits)
    {
        RenderingBudget.Text(Precision ?? 0);
        return digits.PadLeft(Precision ?? 0, '0');
    }

    private string Radix(BigInteger value, int radix, string prefix)
    {
        var digits = new List<char>();
        do
        {
            RenderingBudget.Step();
            digits.Add("0123456789abcdef"[(int)(value % radix)]);
            value /= radix;
        }
        while (!value.IsZero);
        digits.Reverse();
        return (IsAlternate ? prefix : "") + string.Concat(digits);
    }

    private string Real(double value)
    {
        // Digits are written twice and more on the way.
        RenderingBudget.Text(4L * (Precision ?? 0));
        var size = Math.Abs(value);
        var digits = Type switch
        {
            'f' or 'F' => size.ToString($"F{Precision ?? 6}", CultureInfo.InvariantCulture),
            'e' or 'E' => Exponent(size.ToString($"{Type}{Precision ?? 6}", CultureInfo.InvariantCulture)),
            'g' or 'G' => General(size),
            '%' => (size * 100).ToString($"F{Precision ?? 6}", CultureInfo.InvariantCulture) + "%",
            _ when Precision is not null => General(size),
            _ => Display.Float(size),
        };
        return Signed(value < 0, Group(digits));
    }

    private string General(double value)
    {
        var precision = Math.Max(1, Precision ?? 6);
        var scientific = value.ToString($"E{precision - 1}", CultureInfo.InvariantCulture);
        var exponent = int.Parse(scientific[(scientific.IndexOf('E') + 1)..], CultureInfo.InvariantCulture);
        if (exponent >= -4 && exponent < precision)
            return TrimZeros(value.ToString($"F{Math.Max(0, precision - 1 - exponent)}", CultureInfo.InvariantCulture));
        var mark = scientific.IndexOf('E');
        var text = TrimZeros(scientific[..mark]) + Exponent(scientific)[mark..];
        return Type == 'G' ? text : text.ToLowerInvariant();
    }

    private static string TrimZeros(string digits) =>
        digits.Contains('.') ? digits.TrimEnd('0').TrimEnd('.') : digits;

    /// <summary>.NET writes three digits of exponent, Python at least two.</summary>
    private static string Exponent(string text)
    {
        var mark = text.IndexOfAny(['e', 'E']);
        return $"{text[..(mark + 2)]}{text[(mark + 2)..].TrimStart('0').PadLeft(2, '0')}";
    }

    private string Group(string digits)
    {
        if (Grouping.Length == 0)
            return digits;
        var end = digits.IndexOfAny(['.', 'e', '%']);
        var whole = end < 0 ? digits : digits[..end];
        for (var at = whole.Length - 3; at > 0; at -= 3)
        {
            RenderingBudget.Text(whole.Length);
            whole = whole.Insert(at, Grouping);
        }
        return whole + (end < 0 ? "" : digits[end..]);
    }
}
