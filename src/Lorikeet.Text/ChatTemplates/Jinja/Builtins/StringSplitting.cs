using Lorikeet.Text.ChatTemplates.Jinja.Runtime;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Builtins;

/// <summary><c>split</c>, <c>partition</c> and <c>splitlines</c>.</summary>
internal static class StringSplitting
{
    public static PySequence Split(PyString text, CallArguments arguments, bool fromEnd)
    {
        var a = arguments.Bind("sep", "maxsplit");
        var most = a.Integer(1, -1);
        most = most < 0 ? int.MaxValue : most;
        if (!a.Has(0))
            return PySequence.List(fromEnd ? WordsFromEnd(text, most) : Words(text, most));
        var separator = a.RequiredText(0).Text;
        if (separator.Length == 0)
            throw JinjaException.Value("empty separator");
        return PySequence.List(fromEnd ? PartsFromEnd(text, separator, most) : Parts(text, separator, most));
    }

    public static PySequence Partition(PyString text, CallArguments arguments, bool last)
    {
        var separator = arguments.Bind("sep").RequiredText(0).Text;
        if (separator.Length == 0)
            throw JinjaException.Value("empty separator");
        var at = last
            ? text.Text.LastIndexOf(separator, StringComparison.Ordinal)
            : text.Text.IndexOf(separator, StringComparison.Ordinal);
        if (at < 0)
        {
            return last
                ? PySequence.Tuple(PyString.Empty, PyString.Empty, text)
                : PySequence.Tuple(text, PyString.Empty, PyString.Empty);
        }
        return PySequence.Tuple(
            text.Slice(0, at), text.Slice(at, separator.Length), text.From(at + separator.Length));
    }

    /// <summary>Lines at every boundary Python knows; a last line break does not begin another line.</summary>
    public static IEnumerable<PyString> Lines(PyString text, bool keepEnds)
    {
        var source = text.Text;
        var start = 0;
        while (start < source.Length)
        {
            var end = start;
            while (end < source.Length && !IsLineBreak(source[end]))
                end++;
            var next = end;
            if (end < source.Length)
                next += source[end] == '\r' && end + 1 < source.Length && source[end + 1] == '\n' ? 2 : 1;
            yield return text.Slice(start, (keepEnds ? next : end) - start);
            start = next;
        }
    }

    private static bool IsLineBreak(char c) =>
        c is '\n' or '\r' or '\v' or '\f' or '\x1c' or '\x1d' or '\x1e' or '\x85' or '\u2028' or '\u2029';

    private static IEnumerable<PyString> Parts(PyString text, string separator, int most)
    {
        var start = 0;
        for (; most > 0; most--)
        {
            var at = text.Text.IndexOf(separator, start, StringComparison.Ordinal);
            if (at < 0)
                break;
            yield return text.Slice(start, at - start);
            start = at + separator.Length;
        }
        yield return text.From(start);
    }

    private static IEnumerable<PyString> PartsFromEnd(PyString text, string separator, int most)
    {
        var parts = new List<PyString>();
        var end = text.Text.Length;
        for (; most > 0; most--)
        {
            var at = text.Text.AsSpan(0, end).LastIndexOf(separator);
            if (at < 0)
                break;
            parts.Add(text.Slice(at + separator.Length, end - at - separator.Length));
            end = at;
        }
        parts.Add(text.Slice(0, end));
        return Enumerable.Reverse(parts);
    }

    private static IEnumerable<PyString> Words(PyString text, int most)
    {
        var source = text.Text;
        var start = PyText.SpaceBefore(source);
        while (start < source.Length)
        {
            var end = start;
            while (end < source.Length && !PyText.IsSpace(source[end]))
                end++;
            // The last part keeps the white space at its end.
            if (most-- <= 0)
                end = source.Length;
            yield return text.Slice(start, end - start);
            start = end + PyText.SpaceBefore(source.AsSpan(end));
        }
    }

    private static IEnumerable<PyString> WordsFromEnd(PyString text, int most)
    {
        var source = text.Text;
        var words = new List<PyString>();
        var end = PyText.TrimmedLength(source);
        while (end > 0)
        {
            var start = end;
            while (start > 0 && !PyText.IsSpace(source[start - 1]))
                start--;
            if (most-- <= 0)
                start = 0;
            words.Add(text.Slice(start, end - start));
            end = PyText.TrimmedLength(source.AsSpan(0, start));
        }
        return Enumerable.Reverse(words);
    }
}
