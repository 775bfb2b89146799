using System.Numerics;
using System.Text;
using Lorikeet.Text.ChatTemplates.Jinja.Runtime;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Builtins;

/// <summary>The methods of <c>str</c>.</summary>
internal static class StringMethods
{
    private static readonly Dictionary<string, Func<PyString, CallArguments, object>> ByName = new()
    {
        ["capitalize"] = (text, a) => Plain(text, a, PyCase.Capitalize),
        ["casefold"] = (text, a) => Plain(text, a, PyCase.Fold),
        ["center"] = (text, a) => Justify(text, a, '^'),
        ["count"] = (text, a) => new BigInteger(StringSearch.Count(text.Text, a)),
        ["endswith"] = (text, a) => StringSearch.HasAffix(text.Text, a, atEnd: true),
        ["expandtabs"] = (text, a) => ExpandTabs(text, a.Bind("tabsize").Integer(0, 8)),
        ["find"] = (text, a) => StringSearch.Find(text.Text, a, last: false),
        ["format"] = (text, a) => new BraceFormat(a).Run(text),
        ["format_map"] = FormatMap,
        ["index"] = (text, a) => StringSearch.Index(text.Text, a, last: false),
        ["join"] = Join,
        ["ljust"] = (text, a) => Justify(text, a, '<'),
        ["lower"] = (text, a) => Plain(text, a, PyCase.Lower),
        ["lstrip"] = (text, a) => Strip(text, a, start: true, end: false),
        ["partition"] = (text, a) => StringSplitting.Partition(text, a, last: false),
        ["removeprefix"] = RemovePrefix,
        ["removesuffix"] = RemoveSuffix,
        ["replace"] = Replace,
        ["rfind"] = (text, a) => StringSearch.Find(text.Text, a, last: true),
        ["rindex"] = (text, a) => StringSearch.Index(text.Text, a, last: true),
        ["rjust"] = (text, a) => Justify(text, a, '>'),
        ["rpartition"] = (text, a) => StringSplitting.Partition(text, a, last: true),
        ["rsplit"] = (text, a) => StringSplitting.Split(text, a, fromEnd: true),
        ["rstrip"] = (text, a) => Strip(text, a, start: false, end: true),
        ["split"] = (text, a) => StringSplitting.Split(text, a, fromEnd: false),
        ["splitlines"] = (text, a) => PySequence.List(StringSplitting.Lines(text, a.Bind("keepends").Flag(0))),
        ["startswith"] = (text, a) => StringSearch.HasAffix(text.Text, a, atEnd: false),
        ["strip"] = (text, a) => Strip(text, a, start: true, end: true),
        ["swapcase"] = (text, a) => Plain(text, a, PyCase.Swap),
        ["title"] = (text, a) => Plain(text, a, PyCase.Title),
        ["upper"] = (text, a) => Plain(text, a, PyCase.Upper),
        ["zfill"] = (text, a) => ZeroFill(text, a.Bind("width").RequiredInteger(0)),
    };

    /// <summary>The bound method, or null when <c>str</c> has none of that name.</summary>
    public static NativeFunction? Find(PyString text, string name)
    {
        RenderingBudget.Scan(text.Text.Length);
        if (ByName.TryGetValue(name, out var method))
        {
            return new NativeFunction(name, arguments =>
            {
                RenderingBudget.Scan(text.Text.Length);
                return method(text, arguments);
            });
        }

        if (StringPredicates.Find(name, text.Text) is { } holds)
            return new NativeFunction(name, _ => holds);
        if (name is "encode" or "maketrans" or "translate")
            throw JinjaException.Runtime($"the method 'str.{name}' is not supported");
        return null;
    }

    /// <summary>Cuts characters, or white space when none are given, from the ends.</summary>
    public static PyString Strip(PyString text, PyString? characters, bool start = true, bool end = true)
    {
        var (from, to) = (0, text.Text.Length);
        if (characters is null)
        {
            to = end ? PyText.TrimmedLength(text.Text) : to;
            from = start ? PyText.SpaceBefore(text.Text.AsSpan(0, to)) : 0;
            return text.Slice(from, to - from);
        }

        var set = characters.Text.EnumerateRunes().ToHashSet();
        while (start && from < to)
        {
            Rune.DecodeFromUtf16(text.Text.AsSpan(from, to - from), out var rune, out var length);
            if (!set.Contains(rune))
                break;
            from += length;
        }
        while (end && from < to)
        {
            Rune.DecodeLastFromUtf16(text.Text.AsSpan(from, to - from), out var rune, out var length);
            if (!set.Contains(rune))
                break;
            to -= length;
        }
        return text.Slice(from, to - from);
    }

    /// <summary>Replaces up to <paramref name="count"/> occurrences (all when negative); origins are kept.</summary>
    public static PyString Replace(PyString text, PyString old, PyString replacement, int count)
    {
        var parts = new List<PyString>();
        var position = 0;
        var left = count < 0 ? int.MaxValue : count;
        var origin = replacement.CombinedOrigin;
        for (var at = 0; left > 0; left--)
        {
            RenderingBudget.Step();
            at = text.Text.IndexOf(old.Text, at, StringComparison.Ordinal);
            if (at < 0)
                break;
            parts.Add(text.Slice(position, at - position));
            // What stands in for a part of a message belongs to that message.
            var replaced = text.Slice(at, old.Text.Length);
            parts.Add(new PyString(replacement.Text, Origin.Combine(origin, replaced.CombinedOrigin)));
            position = at + old.Text.Length;
            if (old.Text.Length > 0)
                at = position;
            else if (at < text.Text.Length)
                at += PyText.CodePointLength(text.Text, at);
            else
                break;
        }
        return parts.Count == 0 ? text : PyString.Concat([.. parts, text.From(position)]).AsMarkup(text.IsMarkup);
    }

    private static PyString Plain(PyString text, CallArguments arguments, Func<string, string> rewrite)
    {
        arguments.Bind();
        return text.Rewrite(rewrite);
    }

    private static PyString Strip(PyString text, CallArguments arguments, bool start, bool end)
    {
        var a = arguments.Bind("chars");
        return Strip(text, a.Has(0) ? a.RequiredText(0) : null, start, end);
    }

    private static PyString Justify(PyString text, CallArguments arguments, char align)
    {
        var a = arguments.Bind("width", "fillchar");
        var width = a.RequiredInteger(0);
        var fill = a.Text(1, " ").Text;
        var missing = Math.Max(0, width - PyText.Length(text.Text));
        if (missing == 0)
            return text;
        // Python puts the odd space of an even width on the left.
        var before = align switch { '<' => 0, '>' => missing, _ => missing / 2 + (missing & width & 1) };
        return PyString.Concat([Repeat(fill, before), text, Repeat(fill, missing - before)]);
    }

    private static PyString Repeat(string fill, int count)
    {
        RenderingBudget.Text((long)fill.Length * count);
        return string.Concat(Enumerable.Repeat(fill, count));
    }

    private static PyString ExpandTabs(PyString text, int size)
    {
        return text.Rewrite(source =>
        {
            var result = new MeteredText();
            var column = 0;
            foreach (var rune in source.EnumerateRunes())
            {
                if (rune.Value == '\t')
                {
                    var spaces = size > 0 ? size - column % size : 0;
                    result.Append(' ', spaces);
                    column += spaces;
                    continue;
                }
                result.Append(rune.ToString());
                column = rune.Value is '\n' or '\r' ? 0 : column + 1;
            }
            return result.ToString();
        });
    }

    private static PyString FormatMap(PyString text, CallArguments arguments)
    {
        if (arguments.Bind("mapping").Required(0) is not PyDict dict)
            throw JinjaException.Type("format_map() argument must be a mapping");
        var named = dict.Pairs.Select(pair => (Display.Str(pair.Items[0]).Text, pair.Items[1])).ToList();
        return new BraceFormat(new CallArguments("format_map", [], named)).Run(text);
    }

    private static PyString Join(PyString separator, CallArguments arguments)
    {
        var items = Iteration.Of(arguments.Bind("iterable").Required(0)).ToArray();
        for (var i = 0; i < items.Length; i++)
        {
            if (items[i] is not PyString)
            {
                throw JinjaException.Type(
                    $"sequence item {i}: expected str instance, {PyType.NameOf(items[i])} found");
            }
        }
        return PyString.Join(separator, [.. items.Cast<PyString>()]).AsMarkup(separator.IsMarkup);
    }

    private static PyString RemovePrefix(PyString text, CallArguments arguments)
    {
        var prefix = arguments.Bind("prefix").RequiredText(0).Text;
        return text.Text.StartsWith(prefix, StringComparison.Ordinal) ? text.From(prefix.Length) : text;
    }

    private static PyString RemoveSuffix(PyString text, CallArguments arguments)
    {
        var suffix = arguments.Bind("suffix").RequiredText(0).Text;
        return text.Text.EndsWith(suffix, StringComparison.Ordinal)
            ? text.Slice(0, text.Text.Length - suffix.Length)
            : text;
    }

    private static PyString Replace(PyString text, CallArguments arguments)
    {
        var a = arguments.Bind("old", "new", "count");
        return Replace(text, a.RequiredText(0), a.RequiredText(1), a.Integer(2, -1));
    }

    private static PyString ZeroFill(PyString text, int width)
    {
        var missing = Math.Max(0, width - PyText.Length(text.Text));
        var sign = text.Text is ['-' or '+', ..] ? 1 : 0;
        return missing == 0
            ? text
            : PyString.Concat([text.Slice(0, sign), Repeat("0", missing), text.From(sign)]);
    }
}
