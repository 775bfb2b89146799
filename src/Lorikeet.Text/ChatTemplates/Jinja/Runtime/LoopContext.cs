using System.Numerics;
using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates.Jinja.Runtime;

/// <summary>The <c>loop</c> of a for loop.</summary>
/// <remarks>Items are read no further than asked, since the body may change what the loop's test sees.</remarks>
/// <param name="items">What is looped over.</param>
/// <param name="knownLength">The number of items if that is known without reading them.</param>
/// <param name="depth0">How deep a recursive loop is, from 0.</param>
/// <param name="recurse">Renders the body over other items one level deeper; null unless the loop is recursive.</param>
internal sealed class LoopContext(
    IEnumerable<object> items, int? knownLength, int depth0, Func<object, int, PyString>? recurse) : ICallable
{
    private readonly IEnumerator<object> _items = items.GetEnumerator();
    private readonly Queue<object> _ahead = new();
    private object? _current;
    private object? _previous;
    private object? _lastChanged;
    private int? _length = knownLength;

    public int Index0 { get; private set; } = -1;

    public int Depth0 => depth0;

    public int Length => _length ??= CountAll();

    public bool IsLast => !Peek();

    public object Previous => Index0 == 0 ? new Undefined("there is no previous item") : _previous!;

    public object Following => Peek() ? _ahead.Peek() : new Undefined("there is no next item");

    public bool MoveNext(out object item)
    {
        item = PyNone.Value;
        if (!Peek())
            return false;
        item = _ahead.Dequeue();
        Index0++;
        _previous = _current;
        _current = item;
        return true;
    }

    public object Cycle(CallArguments arguments) => arguments.Positional.Count == 0
        ? throw JinjaException.Type("no items for cycling given")
        : arguments.Positional[Index0 % arguments.Positional.Count];

    public object Changed(CallArguments arguments)
    {
        var values = PySequence.Tuple([.. arguments.Positional]);
        var isChanged = _lastChanged is null || !Comparison.AreEqual(_lastChanged, values);
        _lastChanged = values;
        return isChanged;
    }

    /// <summary><c>loop(children)</c> in a recursive loop.</summary>
    public object Call(CallArguments arguments)
    {
        if (recurse is null)
            throw JinjaException.Type("The loop must have the 'recursive' marker to be called recursively.");
        return recurse(arguments.Bind("iterable").Required(0), depth0 + 1);
    }

    public object? Member(string name) => name switch
    {
        "index" => new BigInteger(Index0 + 1),
        "index0" => new BigInteger(Index0),
        "revindex" => new BigInteger(Length - Index0),
        "revindex0" => new BigInteger(Length - Index0 - 1),
        "first" => Index0 == 0,
        "last" => IsLast,
        "length" => new BigInteger(Length),
        "depth" => new BigInteger(Depth0 + 1),
        "depth0" => new BigInteger(Depth0),
        "previtem" => Previous,
        "nextitem" => Following,
        "cycle" => new NativeFunction("cycle", Cycle),
        "changed" => new NativeFunction("changed", Changed),
        _ => null,
    };

    private bool Peek()
    {
        if (_ahead.Count == 0 && _items.MoveNext())
            _ahead.Enqueue(_items.Current);
        return _ahead.Count > 0;
    }

    private int CountAll()
    {
        while (_items.MoveNext())
            _ahead.Enqueue(_items.Current);
        return Index0 + 1 + _ahead.Count;
    }
}
