namespace Lorikeet.Formats.Safetensors;

/// <summary>Named tensors that lie in memory-mapped files.</summary>
/// <remarks>
/// Safe to read from several threads. What is usually wanted is checked and needs no <c>unsafe</c>: <see
/// cref="TensorSources.Span{T}"/>, <see cref="TensorSources.Slice"/> and <see cref="TensorSources.Read"/>. The two
/// methods here hand out and take addresses, because a tensor may be larger than a span can be (2 GiB) and its target
/// may lie in memory that is not .NET's.
/// </remarks>
public interface ITensorSource : IDisposable
{
    /// <summary>What is there, by name.</summary>
    IReadOnlyDictionary<string, TensorEntry> Tensors { get; }

    /// <summary>
    /// The address of a tensor's first byte. Its <see cref="TensorEntry.ByteCount"/> bytes may be read, not written,
    /// and only until the source is disposed; neither is checked.
    /// </summary>
    /// <param name="name">The tensor.</param>
    /// <exception cref="CheckpointException">There is no tensor of that name.</exception>
    unsafe byte* Pointer(string name);

    /// <summary>
    /// Copies bytes of a tensor to memory that has room for them, which is not checked. Made for large tensors: several
    /// threads can each copy a part, nothing else is kept in memory, and pages of the file are not mapped.
    /// </summary>
    /// <param name="name">The tensor.</param>
    /// <param name="offset">The first byte to copy, counted from the tensor's own.</param>
    /// <param name="length">How many bytes.</param>
    /// <param name="target">Where they go.</param>
    /// <exception cref="CheckpointException">There is no tensor of that name, or its file became shorter.</exception>
    unsafe void Read(string name, long offset, long length, byte* target) =>
        Buffer.MemoryCopy(Pointer(name) + offset, target, length, length);
}
