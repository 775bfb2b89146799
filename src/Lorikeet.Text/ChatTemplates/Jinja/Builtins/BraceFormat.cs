using System.Globalization;
using System.Numerics;
using Lorikeet.Text.ChatTemplates.Jinja.Runtime;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Builtins;

/// <summary><c>'{} is {name:.2f}'.format(...)</c>, where fields reach only what the sandbox allows.</summary>
/// <param name="arguments">What the fields name.</param>
/// <param name="isNested">
/// Whether it is the format inside a field, which may have fields but no further formats.
/// </param>
internal sealed class BraceFormat(CallArguments arguments, bool isNested = false)
{
    private int _used;
    private bool _isMarkup;

    public PyString Run(PyString format)
    {
        _isMarkup = format.IsMarkup;
        var text = format.Text;
        var parts = new List<PyString> { PyString.Empty };
        for (var i = 0; i < text.Length;)
        {
            var brace = text.IndexOfAny(['{', '}'], i);
            if (brace < 0)
            {
                parts.Add(format.From(i));
                break;
            }

            parts.Add(format.Slice(i, brace - i));
            if (brace + 1 < text.Length && text[brace + 1] == text[brace])
            {
                parts.Add(format.Slice(brace, 1));
                i = brace + 2;
                continue;
            }
            if (text[brace] == '}')
                throw JinjaException.Value("Single '}' encountered in format string");
            var end = FindEnd(text, brace);
            parts.Add(Field(text[(brace + 1)..end]));
            i = end + 1;
        }
        return PyString.Concat(parts).AsMarkup(format.IsMarkup);
    }

    private static int FindEnd(string text, int open)
    {
        var depth = 0;
        for (var i = open; i < text.Length; i++)
        {
            if (text[i] == '{')
                depth++;
            else if (text[i] == '}' && --depth == 0)
                return i;
        }
        throw JinjaException.Value(
            open + 1 == text.Length ? "Single '{' encountered in format string" : "expected '}' before end of string");
    }

    private PyString Field(string field)
    {
        var colon = field.IndexOf(':');
        var spec = colon < 0 ? "" : field[(colon + 1)..];
        var name = colon < 0 ? field : field[..colon];
        var bang = name.IndexOf('!');
        var conversion = bang < 0 ? "" : name[(bang + 1)..];
        var value = Value(bang < 0 ? name : name[..bang]);
        if (conversion == "r")
            value = new PyString(Display.Repr(value), Display.OriginOf(value));
        else if (conversion == "s")
            value = Display.Str(value);

        if (isNested && spec.Contains('{'))
            throw JinjaException.Value("Max string recursion exceeded");
        var nested = spec.Contains('{')
            ? new BraceFormat(arguments, isNested: true) { _used = _used }.Run(spec).Text
            : spec;
        var text = nested.Length == 0 ? Display.Str(value) : FormatSpec.Parse(nested).Apply(value);
        return _isMarkup ? Html.Escape(text) : text;
    }

    private object Value(string name)
    {
        var end = name.IndexOfAny(['.', '[']);
        var path = end < 0 ? "" : name[end..];
        var value = Argument(end < 0 ? name : name[..end]);
        while (path.Length > 0)
        {
            RenderingBudget.Text(path.Length);
            var isItem = path[0] == '[';
            var stop = isItem ? path.IndexOf(']') : path.IndexOfAny(['.', '['], 1);
            if (isItem && stop < 0)
                throw JinjaException.Value("Missing ']' in format string");
            var part = stop < 0 ? path[1..] : path[1..stop];
            path = stop < 0 ? "" : path[(isItem ? stop + 1 : stop)..];
            value = isItem ? Members.Item(value, Key(part)) : Members.Attribute(value, part);
        }
        return value;
    }

    private static object Key(string part) =>
        int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            ? new BigInteger(index)
            : new PyString(part);

    private object Argument(string name)
    {
        if (name.Length == 0 || int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out _))
        {
            var index = name.Length == 0 ? _used++ : int.Parse(name, CultureInfo.InvariantCulture);
            return index < arguments.Positional.Count
                ? arguments.Positional[index]
                : throw new JinjaException(
                    "IndexError", $"Replacement index {index} out of range for positional args tuple");
        }
        foreach (var (key, value) in arguments.Named)
        {
            if (key == name)
                return value;
        }
        throw new JinjaException("KeyError", $"'{name}'");
    }
}
