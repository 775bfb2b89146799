using System.Runtime.InteropServices;

namespace Lorikeet.Formats.Safetensors;

/// <summary>A tensor on its way into a file.</summary>
/// <param name="Name">Its name in the file.</param>
/// <param name="Type">Element type.</param>
/// <param name="Shape">Size of each dimension; empty for a scalar.</param>
/// <param name="Write">
/// Writes the elements, row-major and little-endian; called once, when their turn comes, so that only one tensor needs
/// to be in memory at a time.
/// </param>
public sealed record TensorToWrite(string Name, SafetensorsType Type, long[] Shape, Action<Stream> Write)
{
    /// <summary>Bytes that <see cref="Write"/> has to produce.</summary>
    public long ByteCount { get; } = Shape.Aggregate((long)Type.ByteSize(), (bytes, size) => checked(bytes * size));

    /// <summary>A tensor whose elements lie in memory that stays valid until the file is written.</summary>
    public static unsafe TensorToWrite FromPointer(string name, SafetensorsType type, long[] shape, byte* start)
    {
        var address = (nint)start;
        var byteCount = shape.Aggregate((long)type.ByteSize(), (bytes, size) => checked(bytes * size));
        return new TensorToWrite(name, type, shape, stream => CopyTo(stream, (byte*)address, byteCount));
    }

    /// <summary>A tensor whose elements are in an array.</summary>
    /// <exception cref="ArgumentException">The array's size does not fit <paramref name="shape"/>.</exception>
    public static TensorToWrite FromArray<T>(string name, SafetensorsType type, long[] shape, T[] elements)
        where T : unmanaged
    {
        var tensor = new TensorToWrite(name, type, shape, stream =>
            stream.Write(MemoryMarshal.AsBytes<T>(elements)));
        if (tensor.ByteCount != MemoryMarshal.AsBytes<T>(elements).Length)
            throw new ArgumentException(
                $"'{name}' has {elements.Length} elements; its shape is [{string.Join(", ", shape)}].");
        return tensor;
    }

    /// <summary>A tensor copied from another file, which must stay open until the new one is written.</summary>
    public static unsafe TensorToWrite FromSource(ITensorSource source, string name)
    {
        var entry = source.Require(name);
        return new TensorToWrite(
            name, entry.Type, entry.Shape, stream => CopyTo(stream, source.Pointer(name), entry.ByteCount));
    }

    private static unsafe void CopyTo(Stream stream, byte* start, long byteCount)
    {
        const int Chunk = 1 << 24;
        for (var done = 0L; done < byteCount; done += Chunk)
            stream.Write(new ReadOnlySpan<byte>(start + done, (int)Math.Min(Chunk, byteCount - done)));
    }
}
