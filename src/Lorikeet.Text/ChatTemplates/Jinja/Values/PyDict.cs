using System.Diagnostics.CodeAnalysis;
using Lorikeet.Formats;
using Lorikeet.Text.ChatTemplates.Jinja.Runtime;

namespace Lorikeet.Text.ChatTemplates.Jinja.Values;

/// <summary>A dict in order of insertion. Immutable once a template sees it.</summary>
/// <param name="origin">The message it is, or is a part of; see <see cref="Values.Origin"/>.</param>
internal sealed class PyDict(int origin = Origin.Template)
{
    private const int EntryBytes = 64;

    private readonly OrderedDictionary<object, object> _items = new(KeyComparer.Instance);

    public int Origin => origin;

    public int Count => _items.Count;

    public IEnumerable<object> Keys => _items.Keys;

    public IEnumerable<object> Values => _items.Values;

    public IEnumerable<PySequence> Pairs => _items.Select(item => PySequence.Tuple(item.Key, item.Value));

    public object this[object key]
    {
        set
        {
            RenderingBudget.Take(EntryBytes);
            _items[Hashable(key)] = value;
        }
    }

    public bool TryGet(object key, [NotNullWhen(true)] out object? value) =>
        _items.TryGetValue(Hashable(key), out value);

    public bool TryGet(string key, [NotNullWhen(true)] out object? value) => TryGet(new PyString(key), out value);

    public bool Contains(object key) => _items.ContainsKey(Hashable(key));

    public PyDict Copy()
    {
        var copy = new PyDict(Origin);
        foreach (var (key, value) in _items)
            copy[key] = value;
        return copy;
    }

    private static object Hashable(object key) => key switch
    {
        PyDict or PySequence { Kind: SequenceKind.List } =>
            throw JinjaException.Type($"unhashable type: '{PyType.NameOf(key)}'"),
        _ => key,
    };

    /// <summary>Python's equality, where 1, 1.0 and True are one key.</summary>
    private sealed class KeyComparer : IEqualityComparer<object>
    {
        public static readonly KeyComparer Instance = new();

        public new bool Equals(object? left, object? right) => Comparison.AreEqual(left!, right!);

        public int GetHashCode(object value)
        {
            using var level = DepthGuard.Enter();
            RenderingBudget.Step();
            return value switch
            {
                PyString text => text.GetHashCode(),
                PySequence { Kind: SequenceKind.Tuple } tuple =>
                    tuple.Items.Aggregate(17, (hash, item) => hash * 31 + GetHashCode(item)),
                _ when Number.TryFrom(value, out var number) => number.ToDouble().GetHashCode(),
                _ => value.GetHashCode(),
            };
        }
    }
}
