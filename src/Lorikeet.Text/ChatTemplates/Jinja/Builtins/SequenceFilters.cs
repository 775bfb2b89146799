using System.Numerics;
using Lorikeet.Text.ChatTemplates.Jinja.Runtime;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Builtins;

/// <summary>Filters on lists and other things to loop over.</summary>
internal static class SequenceFilters
{
    public static object Length(object value, CallArguments arguments) => new BigInteger(
        Iteration.Length(value)
        ?? throw JinjaException.Type($"object of type '{PyType.NameOf(value)}' has no len()"));

    public static object First(object value, CallArguments arguments) =>
        Iteration.Of(value).FirstOrDefault() ?? new Undefined("No first item, sequence was empty.");

    public static object Last(object value, CallArguments arguments)
    {
        if (value is PyIterator || Iteration.TryOf(value) is not { } items)
            throw JinjaException.Type($"'{PyType.NameOf(value)}' object is not reversible");
        return items.LastOrDefault() ?? new Undefined("No last item, sequence was empty.");
    }

    public static object Reverse(object value, CallArguments arguments) => value switch
    {
        PyString text => Iteration.Reverse(text),
        PySequence sequence => new PyIterator(
            sequence.Items.Reverse(), sequence.Kind == SequenceKind.List ? "list_reverseiterator" : "reversed"),
        PyDict dict => new PyIterator(dict.Keys.Reverse(), "dict_reversekeyiterator"),
        _ => PySequence.List((Iteration.TryOf(value)
            ?? throw JinjaException.Argument("argument must be iterable")).Reverse()),
    };

    public static object Items(object value, CallArguments arguments) => new PyIterator(ItemsOf(value));

    public static object Join(object value, CallArguments arguments)
    {
        var a = arguments.Bind("d", "attribute");
        var path = AttributePath.Parse(a.Optional(1));
        var parts = Iteration.Of(value).Select(item => Display.Str(path.Of(item)));
        return PyString.Join(Display.Str(a.Or(0, PyString.Empty)), [.. parts]).AsMarkup(false);
    }

    public static object Sum(object value, CallArguments arguments)
    {
        var a = arguments.Bind("attribute", "start");
        var path = AttributePath.Parse(a.Optional(0));
        var start = a.Or(1, BigInteger.Zero);
        if (start is PyString)
            throw JinjaException.Type("sum() can't sum strings [use ''.join(seq) instead]");
        return Iteration.Of(value).Aggregate(start, (sum, item) => Arithmetic.Apply("+", sum, path.Of(item)));
    }

    /// <summary>Rows of a fixed length, the last one filled up if asked.</summary>
    public static object Batch(object value, CallArguments arguments)
    {
        var a = arguments.Bind("linecount", "fill_with");
        var size = a.RequiredInteger(0);
        if (a.Has(1))
            RenderingBudget.Take(8L * Math.Max(0, size));
        return new PyIterator(Iteration.Of(value).Chunk(Math.Max(1, size)).Select(row =>
            PySequence.List(a.Has(1)
                ? row.Concat(Enumerable.Repeat(a.Required(1), Math.Max(0, size - row.Length)))
                : row)));
    }

    /// <summary>A fixed number of columns as even as can be, the short ones filled up if asked.</summary>
    public static object Slice(object value, CallArguments arguments)
    {
        var a = arguments.Bind("slices", "fill_with");
        var count = a.RequiredInteger(0);
        var items = Iteration.Of(value).ToArray();
        if (count == 0)
            throw new JinjaException("ZeroDivisionError", "integer division or modulo by zero");
        var (size, extra) = Math.DivRem(items.Length, count);
        return new PyIterator(Enumerable.Range(0, Math.Max(0, count)).Select(column =>
        {
            var start = column * size + Math.Min(column, extra);
            var part = items[start..(start + size + (column < extra ? 1 : 0))];
            return PySequence.List(a.Has(1) && column >= extra ? part.Append(a.Required(1)) : part);
        }));
    }

    /// <summary>A generator, so that what is no mapping fails only when it is read.</summary>
    private static IEnumerable<object> ItemsOf(object value)
    {
        if (value is Undefined)
            yield break;
        if (value is not PyDict dict)
            throw JinjaException.Type("Can only get item pairs from a mapping.");
        foreach (var pair in dict.Pairs)
            yield return pair;
    }
}
