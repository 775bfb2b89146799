namespace Lorikeet.Formats.Pickle;

// What a pickle is read into, besides null, bool, long, BigInteger, double, string, byte[] and List<object?>.

/// <summary>A tuple, also a <c>torch.Size</c>.</summary>
/// <param name="Items">Its values.</param>
public sealed record PickleTuple(IReadOnlyList<object?> Items);

/// <summary>A dict or OrderedDict in its order, or a set (every value null).</summary>
public sealed class PickleDictionary
{
    /// <summary>Values by key, in the order they were set; whole numbers are long.</summary>
    public OrderedDictionary<object, object?> Entries { get; } = new(KeyComparer.Instance);

    /// <summary>The value under a text key, or null when there is none.</summary>
    /// <param name="key">The key.</param>
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
/// <param name="Module">Its module, such as <c>torch._utils</c>.</param>
/// <param name="Name">Its name there.</param>
public sealed record PickleGlobal(string Module, string Name)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Module}.{Name}";
}

/// <summary>
/// An object that the pickle asks to have made by code: what it names and what it would be given, and nothing more.
/// </summary>
public sealed class PickleObject
{
    internal PickleObject(object? callable, object? arguments) => (Callable, Arguments) = (callable, arguments);

    /// <summary>What would be called: as a rule a <see cref="PickleGlobal"/>.</summary>
    public object? Callable { get; }

    /// <summary>What it would be given: as a rule a <see cref="PickleTuple"/>.</summary>
    public object? Arguments { get; }

    /// <summary>What the pickle would restore the object's fields from.</summary>
    public object? State { get; internal set; }

    /// <summary>What it would append or set on it; pairs as tuples.</summary>
    public IReadOnlyList<object?> Items => Appended;

    internal List<object?> Appended { get; } = [];
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
