using Lorikeet.Formats;
using Lorikeet.Text.ChatTemplates.Jinja.Runtime;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Builtins;

/// <summary>Filters that sort, group or compare items; letter case does not count unless asked.</summary>
internal static class OrderFilters
{
    private static readonly Comparer<object> ByValue =
        // Python asks whether the later item is less, which shows in its error.
        Comparer<object>.Create((left, right) => -Comparison.Compare(right, left, "<"));

    public static object Sort(object value, CallArguments arguments)
    {
        var a = arguments.Bind("reverse", "case_sensitive", "attribute");
        var paths = AttributePath.ParseAll(a.Optional(2));
        object Key(object item) =>
            PySequence.List(paths.Select(path => FoldCase(path.Of(item), a.Flag(1))));
        return PySequence.List(Ordered(Iteration.Of(value), Key, a.Flag(0)));
    }

    public static object DictSort(object value, CallArguments arguments)
    {
        var a = arguments.Bind("case_sensitive", "by", "reverse");
        var index = a.Text(1, "key").Text switch
        {
            "key" => 0,
            "value" => 1,
            _ => throw JinjaException.Argument("You can only sort by either \"key\" or \"value\""),
        };
        object Key(object pair) => FoldCase(((PySequence)pair).Items[index], a.Flag(0));
        return PySequence.List(Ordered(DictMethods.Require(value).Pairs, Key, a.Flag(2)));
    }

    public static object Unique(object value, CallArguments arguments)
    {
        var a = arguments.Bind("case_sensitive", "attribute");
        var path = AttributePath.Parse(a.Optional(1));
        return new PyIterator(Distinct(Iteration.Of(value), item => FoldCase(path.Of(item), a.Flag(0))));
    }

    public static object Min(object value, CallArguments arguments) => Extreme(value, arguments, sign: -1);

    public static object Max(object value, CallArguments arguments) => Extreme(value, arguments, sign: 1);

    public static object GroupBy(object value, CallArguments arguments)
    {
        var a = arguments.Bind("attribute", "default", "case_sensitive");
        var path = AttributePath.Parse(a.Required(0), a.Optional(1));
        object Key(object item) => FoldCase(path.Of(item), a.Flag(2));

        var groups = new List<List<object>>();
        foreach (var item in Ordered(Iteration.Of(value), Key, descending: false))
        {
            if (groups.Count == 0 || !Comparison.AreEqual(Key(groups[^1][0]), Key(item)))
                groups.Add([]);
            groups[^1].Add(item);
        }
        return PySequence.List(groups.Select(group => new PyGroup(path.Of(group[0]), PySequence.List(group))));
    }

    /// <summary>Keeps the order of equal items, in both directions, as Python's sort does.</summary>
    private static object[] Ordered(IEnumerable<object> items, Func<object, object> key, bool descending)
    {
        try
        {
            return [.. descending ? items.OrderByDescending(key, ByValue) : items.OrderBy(key, ByValue)];
        }
        catch (InvalidOperationException sorting) when (
            sorting.InnerException is JinjaException or ReadingLimitException)
        {
            throw sorting.InnerException;
        }
    }

    private static object Extreme(object value, CallArguments arguments, int sign)
    {
        var a = arguments.Bind("case_sensitive", "attribute");
        var path = AttributePath.Parse(a.Optional(1));
        object? best = null;
        object? bestKey = null;
        foreach (var item in Iteration.Of(value))
        {
            var key = FoldCase(path.Of(item), a.Flag(0));
            if (bestKey is null || sign * Comparison.Compare(key, bestKey, sign < 0 ? "<" : ">") > 0)
                (best, bestKey) = (item, key);
        }
        return best ?? new Undefined("No aggregated item, sequence was empty.");
    }

    private static IEnumerable<object> Distinct(IEnumerable<object> items, Func<object, object> key)
    {
        var seen = new PyDict();
        foreach (var item in items)
        {
            var itemKey = key(item);
            if (seen.Contains(itemKey))
                continue;
            seen[itemKey] = true;
            yield return item;
        }
    }

    private static object FoldCase(object value, bool isCaseSensitive) =>
        value is PyString text && !isCaseSensitive ? text.Rewrite(PyCase.Lower) : value;
}
