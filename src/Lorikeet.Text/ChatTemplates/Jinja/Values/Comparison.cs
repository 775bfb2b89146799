using Lorikeet.Formats;
using Lorikeet.Text.ChatTemplates.Jinja.Runtime;

namespace Lorikeet.Text.ChatTemplates.Jinja.Values;

/// <summary>Truth, equality, order and membership as Python has them.</summary>
internal static class Comparison
{
    public static bool IsTrue(object value) => value switch
    {
        PyNone or Undefined => false,
        PyString text => text.Text.Length > 0,
        PySequence sequence => sequence.Items.Count > 0,
        PyDict dict => dict.Count > 0,
        LoopContext loop => loop.Length > 0,
        _ => !Number.TryFrom(value, out var number) || number.ToDouble() != 0,
    };

    public static bool AreEqual(object left, object right)
    {
        using var level = DepthGuard.Enter();
        RenderingBudget.Step();
        if (Number.TryFrom(left, out var leftNumber))
            return Number.TryFrom(right, out var rightNumber) && leftNumber.CompareTo(rightNumber) == 0;
        return (left, right) switch
        {
            (PyString a, PyString b) => a.Text.Length == b.Text.Length && Scanned(a).Text == b.Text,
            (Undefined, Undefined) => true,
            (PySequence a, PySequence b) => a.Kind == b.Kind && AreItemsEqual(a.Items, b.Items),
            (PyDict a, PyDict b) => AreDictsEqual(a, b),
            _ => ReferenceEquals(left, right),
        };
    }

    /// <summary>Negative, zero or positive; a TypeError when the two have no order.</summary>
    /// <param name="symbol">The operator, for the error.</param>
    public static int Compare(object left, object right, string symbol)
    {
        using var level = DepthGuard.Enter();
        RenderingBudget.Step();
        if (Number.TryFrom(left, out var leftNumber) && Number.TryFrom(right, out var rightNumber))
            return leftNumber.CompareTo(rightNumber);
        switch (left, right)
        {
            case (PyString a, PyString b):
                return PyText.Compare(Scanned(a).Text, b.Text);
            case (PySequence a, PySequence b) when a.Kind == b.Kind && a.HasItems:
                return CompareItems(a.Items, b.Items, symbol);
            case (Undefined undefined, _):
                throw undefined.Error();
            case (_, Undefined undefined):
                throw undefined.Error();
            default:
                throw JinjaException.Type(
                    $"'{symbol}' not supported between instances of '{PyType.NameOf(left)}' and " +
                    $"'{PyType.NameOf(right)}'");
        }
    }

    /// <summary><c>item in container</c>.</summary>
    public static bool Contains(object container, object item) => container switch
    {
        PyString text => item is PyString part
            ? Scanned(text).Text.Contains(part.Text, StringComparison.Ordinal)
            : throw JinjaException.Type(
                $"'in <string>' requires string as left operand, not {PyType.NameOf(item)}"),
        PyDict dict => dict.Contains(item),
        PySequence sequence => sequence.Items.Any(other => AreEqual(other, item)),
        PyIterator iterator => iterator.Rest().Any(other => AreEqual(other, item)),
        Undefined => false,
        _ => throw JinjaException.Type($"argument of type '{PyType.NameOf(container)}' is not iterable"),
    };

    private static PyString Scanned(PyString text)
    {
        RenderingBudget.Scan(text.Text.Length);
        return text;
    }

    private static bool AreItemsEqual(IReadOnlyList<object> left, IReadOnlyList<object> right) =>
        left.Count == right.Count && left.Zip(right).All(pair => AreEqual(pair.First, pair.Second));

    private static bool AreDictsEqual(PyDict left, PyDict right) =>
        left.Count == right.Count && left.Pairs.All(pair =>
            right.TryGet(pair.Items[0], out var other) && AreEqual(pair.Items[1], other));

    private static int CompareItems(IReadOnlyList<object> left, IReadOnlyList<object> right, string symbol)
    {
        foreach (var (a, b) in left.Zip(right))
        {
            if (!AreEqual(a, b))
                return Compare(a, b, symbol);
        }
        return left.Count - right.Count;
    }
}
