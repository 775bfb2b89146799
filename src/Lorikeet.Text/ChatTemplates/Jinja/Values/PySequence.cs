using System.Numerics;
using Lorikeet.Formats;
using Lorikeet.Text.ChatTemplates.Jinja.Runtime;

namespace Lorikeet.Text.ChatTemplates.Jinja.Values;

internal enum SequenceKind
{
    List,
    Tuple,
    Range,
    Keys,
    Values,
    Items,
}

/// <summary>A list, tuple, range or dict view. Immutable: the sandbox lets no template change a list.</summary>
/// <param name="kind">Which of them it is.</param>
/// <param name="items">Its items.</param>
/// <param name="origin">The message it is a part of; see <see cref="Values.Origin"/>.</param>
internal class PySequence(SequenceKind kind, IReadOnlyList<object> items, int origin = Origin.Template)
{
    public SequenceKind Kind => kind;

    public IReadOnlyList<object> Items { get; } = Paid(items);

    public int Origin => origin;

    public bool HasItems => Kind is SequenceKind.List or SequenceKind.Tuple or SequenceKind.Range;

    public string TypeName => Kind switch
    {
        SequenceKind.List => "list",
        SequenceKind.Tuple => "tuple",
        SequenceKind.Range => "range",
        SequenceKind.Keys => "dict_keys",
        SequenceKind.Values => "dict_values",
        _ => "dict_items",
    };

    private static IReadOnlyList<object> Paid(IReadOnlyList<object> items)
    {
        RenderingBudget.Take(64 + 8L * items.Count);
        return items;
    }

    public static PySequence List(IEnumerable<object> items) => new(SequenceKind.List, [.. items]);

    public static PySequence Tuple(params object[] items) => new(SequenceKind.Tuple, items);
}

/// <summary>One group of <c>groupby</c>: a pair that also answers to <c>grouper</c> and <c>list</c>.</summary>
internal sealed class PyGroup(object key, PySequence members) : PySequence(SequenceKind.Tuple, [key, members])
{
    public object Key => key;

    public PySequence Members => members;
}

/// <summary><c>range(start, stop, step)</c>, at most 100,000 long as the sandbox has it.</summary>
internal sealed class PyRange : PySequence
{
    private const int LongestRange = 100_000;
    private const int ItemBytes = 40;

    private readonly BigInteger _start;
    private readonly BigInteger _step;

    private PyRange(BigInteger start, BigInteger stop, BigInteger step, IReadOnlyList<object> items)
        : base(SequenceKind.Range, items)
    {
        _start = start;
        _step = step;
        Description = step.IsOne ? $"range({start}, {stop})" : $"range({start}, {stop}, {step})";
    }

    public string Description { get; }

    public static PyRange Create(BigInteger start, BigInteger stop, BigInteger step)
    {
        if (step.IsZero)
            throw JinjaException.Value("range() arg 3 must not be zero");
        var count = BigInteger.Max(0, (stop - start + step - step.Sign) / step);
        if (count > LongestRange)
        {
            throw new JinjaException(
                "OverflowError", $"Range too big. The sandbox blocks ranges larger than MAX_RANGE ({LongestRange}).");
        }
        RenderingBudget.Take(ItemBytes * (long)count);
        var items = new object[(int)count];
        for (var i = 0; i < items.Length; i++)
            items[i] = start + step * i;
        return new PyRange(start, stop, step, items);
    }

    /// <summary>The range over every <paramref name="step"/>-th item between two indices.</summary>
    public PyRange Slice(int from, int to, int step) =>
        Create(_start + from * _step, _start + to * _step, _step * step);
}

/// <summary>A generator: it can be read once, prints as an object and is always true.</summary>
internal sealed class PyIterator(IEnumerable<object> items, string typeName = "generator")
{
    private readonly IEnumerator<object> _items = items.GetEnumerator();

    public string TypeName => typeName;

    public IEnumerable<object> Rest()
    {
        while (MoveNext())
            yield return _items.Current;
    }

    // What it reads may be another generator, and so on: a template can chain any number of them.
    private bool MoveNext()
    {
        using var level = DepthGuard.Enter();
        RenderingBudget.Step();
        return _items.MoveNext();
    }
}
