namespace Lorikeet.Formats.Pickle;

// What a pickle is read into, besides null, bool, long, BigInteger, double, string, byte[] and List<object?>.

/// <summary>A tuple, also a <c>torch.Size</c>.</summary>
internal sealed record PickleTuple(IReadOnlyList<object?> Items);

/// <summary>A dict or OrderedDict in its order, or a set (every value null).</summary>
internal sealed class PickleDictionary
{
    public OrderedDictionary<object, object?> Entries { get; } = [];

    /// <summary>The value under a text key, or null when there is none.</summary>
    public object? this[string key] => Entries.GetValueOrDefault(key);
}

/// <summary>A class or function by name. It is never looked up.</summary>
internal sealed record PickleGlobal(string Module, string Name)
{
    public override string ToString() => $"{Module}.{Name}";
}

/// <summary>
/// An object that the pickle asks to have made by code: what it names and what it would be given, and nothing more.
/// </summary>
internal sealed class PickleObject(object? callable, object? arguments)
{
    public object? Callable { get; } = callable;

    public object? Arguments { get; } = arguments;

    /// <summary>What the pickle would restore the object's fields from.</summary>
    public object? State { get; set; }

    /// <summary>What it would append or set on it; pairs as tuples.</summary>
    public List<object?> Items { get; } = [];
}
