namespace Lorikeet.Formats.Safetensors;

/// <summary>What every <see cref="ITensorSource"/> offers.</summary>
public static class TensorSources
{
    /// <summary>A source without tensors.</summary>
    public static ITensorSource Empty { get; } = new NoTensors();

    /// <summary>The entry of a tensor that has to be there.</summary>
    /// <param name="source">Where it lies.</param>
    /// <param name="name">The tensor.</param>
    /// <exception cref="CheckpointException">It is not; the message lists what is.</exception>
    public static TensorEntry Require(this ITensorSource source, string name) =>
        source.Tensors.TryGetValue(name, out var entry)
            ? entry
            : throw MissingTensor(name, source.Tensors.Keys, source.ToString());

    /// <summary>The elements of a tensor in place, for tensors of at most 2^31-1 elements.</summary>
    /// <typeparam name="T">A type as large as the tensor's elements.</typeparam>
    /// <param name="source">Where it lies; the span is dead when it is disposed.</param>
    /// <param name="name">The tensor.</param>
    /// <exception cref="ArgumentException">
    /// <typeparamref name="T"/> has another size than the tensor's elements.
    /// </exception>
    /// <exception cref="CheckpointException">There is no tensor of that name.</exception>
    public static unsafe ReadOnlySpan<T> Span<T>(this ITensorSource source, string name) where T : unmanaged
    {
        var entry = source.Require(name);
        if (sizeof(T) != entry.Type.ByteSize())
            throw new ArgumentException(
                $"Elements of {entry} have {entry.Type.ByteSize()} bytes; {typeof(T).Name} has {sizeof(T)}.");
        return new ReadOnlySpan<T>(source.Pointer(name), checked((int)entry.ElementCount));
    }

    /// <summary>Bytes of a tensor in place, of one of any size.</summary>
    /// <param name="source">Where it lies; the span is dead when it is disposed.</param>
    /// <param name="name">The tensor.</param>
    /// <param name="offset">The first byte, counted from the tensor's own.</param>
    /// <param name="length">How many.</param>
    /// <exception cref="ArgumentOutOfRangeException">The tensor has no such bytes.</exception>
    /// <exception cref="CheckpointException">There is no tensor of that name.</exception>
    public static unsafe ReadOnlySpan<byte> Slice(this ITensorSource source, string name, long offset, int length)
    {
        RequireRange(source.Require(name), offset, length);
        return new ReadOnlySpan<byte>(source.Pointer(name) + offset, length);
    }

    /// <summary>Copies bytes of a tensor; several threads can each copy a part.</summary>
    /// <param name="source">Where it lies.</param>
    /// <param name="name">The tensor.</param>
    /// <param name="offset">The first byte, counted from the tensor's own.</param>
    /// <param name="target">Where they go; it is filled.</param>
    /// <exception cref="ArgumentOutOfRangeException">The tensor has no such bytes.</exception>
    /// <exception cref="CheckpointException">There is no tensor of that name, or its file became shorter.</exception>
    public static unsafe void Read(this ITensorSource source, string name, long offset, Span<byte> target)
    {
        RequireRange(source.Require(name), offset, target.Length);
        fixed (byte* first = target)
            source.Read(name, offset, target.Length, first);
    }

    /// <summary>Some tensors of a source under other names. The source stays its owner's, who disposes it.</summary>
    /// <param name="source">Where they lie.</param>
    /// <param name="names">The names there, by the names here.</param>
    /// <exception cref="CheckpointException">One of them is not there.</exception>
    public static ITensorSource Renamed(this ITensorSource source, IReadOnlyDictionary<string, string> names) =>
        new RenamedTensors(source, names);

    internal static CheckpointException MissingTensor(string name, IEnumerable<string> present, string? where)
    {
        var names = present.Order(StringComparer.Ordinal).ToList();
        var shown = names.Count > 12 ? string.Join(", ", names.Take(12)) + ", ..." : string.Join(", ", names);
        return new CheckpointException(
            $"There is no tensor '{name}' in '{where}'. It holds {names.Count} tensors: {shown}. " +
            "The file belongs to another kind of model, or is incomplete.");
    }

    private static void RequireRange(TensorEntry entry, long offset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, entry.ByteCount - length);
    }
}
