using System.Numerics;
using Lorikeet.Text.ChatTemplates.Jinja.Runtime;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Builtins;

/// <summary><c>find</c>, <c>count</c>, <c>startswith</c> and their kin, in code points.</summary>
internal static class StringSearch
{
    public static object Find(string text, CallArguments arguments, bool last)
    {
        var (part, start, end) = Range(text, arguments, "sub");
        if (start > end)
            return BigInteger.MinusOne;
        var window = text[start..end];
        var at = last
            ? window.LastIndexOf(part, StringComparison.Ordinal)
            : window.IndexOf(part, StringComparison.Ordinal);
        return new BigInteger(at < 0 ? -1 : PyText.Index(text, start + at));
    }

    public static object Index(string text, CallArguments arguments, bool last)
    {
        var index = Find(text, arguments, last);
        return index is BigInteger { Sign: >= 0 } ? index : throw JinjaException.Value("substring not found");
    }

    public static int Count(string text, CallArguments arguments)
    {
        var (part, start, end) = Range(text, arguments, "sub");
        if (start > end)
            return 0;
        var window = text[start..end];
        return part.Length == 0 ? PyText.Length(window) + 1 : window.AsSpan().Count(part);
    }

    public static object HasAffix(string text, CallArguments arguments, bool atEnd)
    {
        var a = arguments.Bind(atEnd ? "suffix" : "prefix", "start", "end");
        var (start, end) = Bounds(text, a);
        if (start > end)
            return false;
        var window = text[start..end];
        var affixes = a.Required(0) is PySequence { Kind: SequenceKind.Tuple } several
            ? several.Items
            : [a.Required(0)];
        return affixes.Any(affix => Matches(window, affix, atEnd));
    }

    private static bool Matches(string window, object affix, bool atEnd)
    {
        if (affix is not PyString { Text: var part })
        {
            throw JinjaException.Type(
                $"{(atEnd ? "endswith" : "startswith")} first arg must be str or a tuple of str, " +
                $"not {PyType.NameOf(affix)}");
        }
        return atEnd
            ? window.EndsWith(part, StringComparison.Ordinal)
            : window.StartsWith(part, StringComparison.Ordinal);
    }

    private static (string Part, int Start, int End) Range(string text, CallArguments arguments, string name)
    {
        var a = arguments.Bind(name, "start", "end");
        var (start, end) = Bounds(text, a);
        return (a.RequiredText(0).Text, start, end);
    }

    /// <summary>UTF-16 bounds of the optional start and end, which count code points and may be negative.</summary>
    private static (int Start, int End) Bounds(string text, BoundArguments a)
    {
        var length = PyText.Length(text);
        var start = a.Integer(1, 0);
        var end = a.Integer(2, length);
        start = start < 0 ? Math.Max(0, start + length) : start;
        end = Math.Min(length, end < 0 ? Math.Max(0, end + length) : end);
        return start > length ? (1, 0) : (PyText.Offset(text, start), PyText.Offset(text, end));
    }
}
