using System.Text;

namespace Lorikeet.Formats.Gguf;

/// <summary>A tensor on its way into a GGUF file.</summary>
/// <param name="Name">Its name in the file.</param>
/// <param name="Type">How its elements are stored.</param>
/// <param name="Shape">Size of each dimension, the one whose elements are adjacent last.</param>
/// <param name="Write">
/// Writes the elements; called once, when their turn comes, so that only one tensor needs to be in memory.
/// </param>
public sealed record GgufTensorToWrite(string Name, GgufType Type, long[] Shape, Action<Stream> Write)
{
    /// <summary>Bytes that <see cref="Write"/> has to produce.</summary>
    public long ByteCount { get; } = Type.ByteCount(Shape);
}

/// <summary>Writes GGUF files of version 3, little-endian.</summary>
public static class GgufWriter
{
    private const uint Version = 3;

    /// <summary>Writes a file beside its target and renames it into place.</summary>
    /// <param name="path">The file to write.</param>
    /// <param name="metadata">Its metadata, in this order.</param>
    /// <param name="tensors">Its tensors, in this order.</param>
    /// <exception cref="StorageException">The file cannot be written; it is as it was.</exception>
    /// <exception cref="InvalidOperationException">
    /// A tensor wrote another number of bytes than its shape takes.
    /// </exception>
    public static void Write(
        string path, IReadOnlyList<KeyValuePair<string, GgufValue>> metadata, IReadOnlyList<GgufTensorToWrite> tensors)
    {
        var alignment = metadata.FirstOrDefault(pair => pair.Key == GgufReader.AlignmentKey).Value?.Content as uint?
            ?? GgufReader.DefaultAlignment;
        AtomicFile.Write(path, stream =>
        {
            using var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true);
            writer.Write(GgufReader.Magic);
            writer.Write(Version);
            writer.Write((ulong)tensors.Count);
            writer.Write((ulong)metadata.Count);
            foreach (var (key, value) in metadata)
            {
                WriteText(writer, key);
                writer.Write((uint)value.Type);
                WriteContent(writer, value.Type, value);
            }

            WriteEntries(writer, tensors, alignment);
            writer.Flush();
            foreach (var tensor in tensors)
            {
                Pad(stream, alignment);
                WriteElements(stream, tensor);
            }

            Pad(stream, alignment);
        }, tensors.Sum(tensor => tensor.ByteCount));
    }

    private static void WriteEntries(BinaryWriter writer, IReadOnlyList<GgufTensorToWrite> tensors, uint alignment)
    {
        var offset = 0L;
        foreach (var tensor in tensors)
        {
            WriteText(writer, tensor.Name);
            writer.Write((uint)tensor.Shape.Length);
            foreach (var size in tensor.Shape.Reverse())
                writer.Write((ulong)size);
            writer.Write((uint)tensor.Type);
            writer.Write((ulong)offset);
            offset += (tensor.ByteCount + alignment - 1) / alignment * alignment;
        }
    }

    private static void WriteElements(Stream stream, GgufTensorToWrite tensor)
    {
        var start = stream.Position;
        tensor.Write(stream);
        if (stream.Position - start == tensor.ByteCount)
            return;
        throw new InvalidOperationException(
            $"Tensor '{tensor.Name}' wrote {stream.Position - start} bytes; its type and shape take " +
            $"{tensor.ByteCount}.");
    }

    private static void WriteContent(BinaryWriter writer, GgufValueType type, GgufValue value)
    {
        if (type != GgufValueType.Array)
        {
            WriteScalar(writer, value.Content);
            return;
        }

        var items = (Array)value.Content;
        writer.Write((uint)value.ElementType);
        writer.Write((ulong)items.Length);
        foreach (var item in items)
        {
            if (item is GgufValue nested)
                WriteContent(writer, GgufValueType.Array, nested);
            else
                WriteScalar(writer, item);
        }
    }

    private static void WriteScalar(BinaryWriter writer, object content)
    {
        switch (content)
        {
            case byte value:
                writer.Write(value);
                break;
            case sbyte value:
                writer.Write(value);
                break;
            case ushort value:
                writer.Write(value);
                break;
            case short value:
                writer.Write(value);
                break;
            case uint value:
                writer.Write(value);
                break;
            case int value:
                writer.Write(value);
                break;
            case float value:
                writer.Write(value);
                break;
            case bool value:
                writer.Write(value);
                break;
            case string value:
                WriteText(writer, value);
                break;
            case ulong value:
                writer.Write(value);
                break;
            case long value:
                writer.Write(value);
                break;
            case double value:
                writer.Write(value);
                break;
            default:
                throw new ArgumentException($"'{content.GetType()}' has no form in GGUF.", nameof(content));
        }
    }

    private static void WriteText(BinaryWriter writer, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((ulong)bytes.Length);
        writer.Write(bytes);
    }

    private static void Pad(Stream stream, uint alignment)
    {
        while (stream.Position % alignment != 0)
            stream.WriteByte(0);
    }
}
