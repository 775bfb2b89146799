namespace Lorikeet.Formats.Safetensors;

/// <summary>Named tensors that lie in memory-mapped files.</summary>
/// <remarks>Safe to read from several threads.</remarks>
public interface ITensorSource : IDisposable
{
    /// <summary>What is there, by name.</summary>
    IReadOnlyDictionary<string, TensorEntry> Tensors { get; }

    /// <summary>The address of a tensor's first byte, valid until the source is disposed. Read only.</summary>
    /// <exception cref="CheckpointException">There is no tensor of that name.</exception>
    unsafe byte* Pointer(string name);

    /// <summary>
    /// Copies bytes of a tensor to memory that has room for them. Made for large tensors: several threads can each copy a
    /// part, nothing else is kept in memory, and pages of the file are not mapped.
    /// </summary>
    /// <param name="name">The tensor.</param>
    /// <param name="offset">The first byte to copy, counted from the tensor's own.</param>
    /// <param name="length">How many bytes.</param>
    /// <param name="target">Where they go.</param>
    /// <exception cref="CheckpointException">There is no tensor of that name, or its file became shorter.</exception>
    unsafe void Read(string name, long offset, long length, byte* target) =>
        Buffer.MemoryCopy(Pointer(name) + offset, target, length, length);
}

/// <summary>What every <see cref="ITensorSource"/> offers.</summary>
public static class TensorSourceExtensions
{
    /// <summary>The entry of a tensor that has to be there.</summary>
    /// <exception cref="CheckpointException">It is not; the message lists what is.</exception>
    public static TensorEntry Require(this ITensorSource source, string name) =>
        source.Tensors.TryGetValue(name, out var entry)
            ? entry
            : throw MissingTensor(name, source.Tensors.Keys, source.ToString());

    /// <summary>The elements of a tensor in place, for tensors of at most 2^31-1 elements.</summary>
    /// <typeparam name="T">A type as large as the tensor's elements.</typeparam>
    /// <exception cref="ArgumentException"><typeparamref name="T"/> has another size than the tensor's elements.</exception>
    public static unsafe ReadOnlySpan<T> Span<T>(this ITensorSource source, string name) where T : unmanaged
    {
        var entry = source.Require(name);
        if (sizeof(T) != entry.Type.ByteSize())
            throw new ArgumentException($"Elements of {entry} have {entry.Type.ByteSize()} bytes; {typeof(T).Name} has {sizeof(T)}.");
        return new ReadOnlySpan<T>(source.Pointer(name), checked((int)entry.ElementCount));
    }

    internal static CheckpointException MissingTensor(string name, IEnumerable<string> present, string? where)
    {
        var names = present.Order(StringComparer.Ordinal).ToList();
        var shown = names.Count > 12 ? string.Join(", ", names.Take(12)) + ", ..." : string.Join(", ", names);
        return new CheckpointException(
            $"There is no tensor '{name}' in '{where}'. It holds {names.Count} tensors: {shown}. " +
            "The file belongs to another kind of model, or is incomplete.");
    }
}
