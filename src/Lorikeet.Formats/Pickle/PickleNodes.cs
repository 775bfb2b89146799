namespace Lorikeet.Formats.Pickle;

// What a pickle is read into, besides null, bool, long, BigInteger, double, string, byte[] and List<object?>.

/// <summary>A tuple, also a <c>torch.Size</c>.</summary>
internal sealed record PickleTuple(IReadOnlyList<object?> Items);

/// <summary>A dict or OrderedDict in its order, or a set (every value null).</summary>
internal sealed class PickleDictionary
{
    public OrderedDictionary<object, object?> Entries { get; } = new(KeyComparer.Instance);

    /// <summary>The value under a text key, or null when there is none.</summary>
    public object? this[string key] => Entries.GetValueOrDefault(key);

    /// <summary>
    /// Mixes the bits of numbers, whose own hash codes are so plain that a file could make all of its keys collide.
    /// </summary>
    private sealed class KeyComparer : IEqualityComparer<object>
    {
        public static KeyComparer Instance { get; } = new();

        public new bool Equals(object? left, object? right) => object.Equals(left, right);

        public int GetHashCode(object key) => key switch
        {
            long number => Mix(number),
            double number => Mix(BitConverter.DoubleToInt64Bits(number)),
            _ => key.GetHashCode(),
        };

        private static int Mix(long bits) => HashCode.Combine((int)bits, (int)(bits >> 32));
    }
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

/// <summary>What values of a pickle take in memory, about.</summary>
internal static class PickleSizes
{
    /// <summary>A place on the stack, which grows by doubling.</summary>
    public const long Place = 16;

    /// <summary>A place in a dictionary, list or memo.</summary>
    public const long Entry = 40;

    public static long Of(object? value) => value switch
    {
        null => 0,
        string text => 24 + 2L * text.Length,
        byte[] bytes => 24 + bytes.Length,
        List<object?> list => 64 + 8L * list.Count,
        PickleTuple tuple => 56 + 8L * tuple.Items.Count,
        PickleDictionary => 160,
        PickleObject => 128,
        TorchTensor tensor => 128 + 16L * tensor.Shape.Length,
        _ => 48,
    };
}
