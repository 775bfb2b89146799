using Lorikeet.Text.ChatTemplates.Jinja.Runtime;

namespace Lorikeet.Text.ChatTemplates.Jinja.Values;

/// <summary>What Python's <c>iter</c>, <c>len</c> and <c>reversed</c> do.</summary>
internal static class Iteration
{
    /// <summary>The items of anything a loop accepts: keys of a dict, code points of a string.</summary>
    public static IEnumerable<object> Of(object value) => TryOf(value)
        ?? throw JinjaException.Type($"'{PyType.NameOf(value)}' object is not iterable");

    /// <summary>As <see cref="Of"/>, or null for what cannot be iterated.</summary>
    public static IEnumerable<object>? TryOf(object value) => value switch
    {
        PySequence sequence => Counted(sequence.Items),
        PyDict dict => Counted(dict.Keys),
        PyString text => Characters(text),
        PyIterator iterator => iterator.Rest(),
        Undefined => [],
        _ => null,
    };

    /// <summary>The length, or null for what has none.</summary>
    public static int? Length(object value) => value switch
    {
        PySequence sequence => sequence.Items.Count,
        PyDict dict => dict.Count,
        PyString text => LengthOf(text.Text),
        LoopContext loop => loop.Length,
        Undefined => 0,
        _ => null,
    };

    /// <summary>The two items of a pair.</summary>
    public static (object First, object Second) ToPair(object value)
    {
        var items = Of(value).ToArray();
        return items.Length switch
        {
            2 => (items[0], items[1]),
            < 2 => throw JinjaException.Value($"not enough values to unpack (expected 2, got {items.Length})"),
            _ => throw JinjaException.Value("too many values to unpack (expected 2)"),
        };
    }

    public static PyString Reverse(PyString text) => PyString.Concat([PyString.Empty, .. Characters(text).Reverse()]);

    private static int LengthOf(string text)
    {
        RenderingBudget.Scan(text.Length);
        return PyText.Length(text);
    }

    private static IEnumerable<object> Counted(IEnumerable<object> items)
    {
        foreach (var item in items)
        {
            RenderingBudget.Step();
            yield return item;
        }
    }

    private static IEnumerable<PyString> Characters(PyString text)
    {
        for (var i = 0; i < text.Text.Length;)
        {
            var length = PyText.CodePointLength(text.Text, i);
            yield return text.Slice(i, length).AsMarkup(false);
            i += length;
        }
    }
}
