using System.Globalization;
using System.Text.RegularExpressions;
using Lorikeet.Text.ChatTemplates.Jinja.Runtime;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Builtins;

/// <summary><c>'%s is %.2f' % values</c>.</summary>
internal sealed partial class PercentFormat
{
    private readonly PyString _format;
    private readonly object _values;
    private int _used;

    private PercentFormat(PyString format, object values)
    {
        _format = format;
        _values = values;
    }

    public static PyString Apply(PyString format, object values) => new PercentFormat(format, values).Run();

    [GeneratedRegex(
        @"%(?:\((?<key>[^)]*)\))?(?<flags>[-+ #0]*)(?<width>\*|[0-9]+)?(?:\.(?<precision>\*|[0-9]*))?[hlL]?(?<type>.)?",
        RegexOptions.Singleline)]
    private static partial Regex Conversion();

    private PyString Run()
    {
        var parts = new List<PyString>();
        var position = 0;
        foreach (Match match in Conversion().Matches(_format.Text))
        {
            parts.Add(_format.Slice(position, match.Index - position));
            parts.Add(Convert(match));
            position = match.Index + match.Length;
        }
        parts.Add(_format.From(position));

        var isFullyUsed = _values switch
        {
            PySequence { Kind: SequenceKind.Tuple } tuple => _used >= tuple.Items.Count,
            // Python takes whatever has items for a mapping, and a mapping may go unused.
            PyDict or PySequence { HasItems: true } or Undefined => true,
            _ => _used > 0,
        };
        if (!isFullyUsed)
            throw JinjaException.Type("not all arguments converted during string formatting");
        return PyString.Concat(parts).AsMarkup(_format.IsMarkup);
    }

    private PyString Convert(Match match)
    {
        if (match.Groups["type"].Value is not [var type])
            throw JinjaException.Value("incomplete format");
        if (type == '%')
            return "%";

        var flags = match.Groups["flags"].Value;
        var width = Size(match.Groups["width"]);
        var precision = match.Groups["precision"] is { Success: true } group
            ? Math.Max(0, Size(group) ?? 0)
            : (int?)null;
        var value = match.Groups["key"] is { Success: true } key ? Named(key.Value) : Next();
        var isLeft = flags.Contains('-') || width < 0;
        var isZeroPadded = flags.Contains('0') && type is not ('s' or 'r');
        var spec = new FormatSpec
        {
            Align = isLeft ? '<' : isZeroPadded ? '=' : '>',
            Fill = isZeroPadded && !isLeft ? "0" : " ",
            Sign = flags.Contains('+') ? '+' : flags.Contains(' ') ? ' ' : '-',
            IsAlternate = flags.Contains('#'),
            Width = Math.Abs(width ?? 0),
            Precision = precision,
        };
        return Format(type, value, spec, match.Index + match.Length - 1);
    }

    private PyString Format(char type, object value, FormatSpec spec, int index)
    {
        switch (type)
        {
            case 's':
                var text = Display.Str(value);
                return spec.ApplyToText(_format.IsMarkup ? Html.Escape(text) : text);
            case 'r' or 'a':
                return spec.ApplyToText(new PyString(Display.Repr(value), Display.OriginOf(value)));
            case 'c':
                return spec.ApplyToText(value as PyString ?? (spec with { Type = 'c', Width = 0 }).Apply(value));
            case 'd' or 'i' or 'u':
                return (spec with { Type = 'd' }).Apply(NumberFilters.Truncate(RequireNumber(type, value)));
            case 'x' or 'X' or 'o':
                return (spec with { Type = type }).Apply(NumberFilters.Truncate(RequireNumber(type, value)));
            case 'e' or 'E' or 'f' or 'F' or 'g' or 'G':
                return (spec with { Type = type }).Apply(RequireNumber(type, value));
            default:
                throw JinjaException.Value(
                    $"unsupported format character '{type}' (0x{(int)type:x}) at index {index}");
        }
    }

    private static object RequireNumber(char type, object value)
    {
        if (value is Undefined undefined)
            throw undefined.Error();
        if (Number.TryFrom(value, out _))
            return value;
        throw JinjaException.Type(type is 'd' or 'i' or 'u'
            ? $"%{type} format: a real number is required, not {PyType.NameOf(value)}"
            : $"must be real number, not {PyType.NameOf(value)}");
    }

    private int? Size(Group group) => group.Value switch
    {
        "" => null,
        "*" => BoundArguments.ToInteger(Next()),
        var digits => int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var size)
            ? size
            : throw JinjaException.Value($"{group.Name} too big"),
    };

    private object Named(string key)
    {
        if (_values is not PyDict dict)
            throw JinjaException.Type("format requires a mapping");
        return dict.TryGet(key, out var value) ? value : throw new JinjaException("KeyError", $"'{key}'");
    }

    private object Next()
    {
        var index = _used++;
        if (_values is PySequence { Kind: SequenceKind.Tuple } tuple)
            return index < tuple.Items.Count ? tuple.Items[index] : throw NotEnough();
        return index == 0 ? _values : throw NotEnough();
    }

    private static JinjaException NotEnough() => JinjaException.Type("not enough arguments for format string");
}
