using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Lorikeet.Formats.Safetensors;

/// <summary>Writes <c>.safetensors</c> files byte for byte as the reference library does.</summary>
public static class SafetensorsWriter
{
    /// <summary>The pair without which transformers and peft refuse a file.</summary>
    private static readonly Dictionary<string, string> DefaultMetadata = new() { ["format"] = "pt" };

    /// <summary>Writes a file beside its target and renames it into place.</summary>
    /// <param name="path">The file to write.</param>
    /// <param name="tensors">
    /// Its tensors, in any order: they are laid out by type (larger alignment first), then by name.
    /// </param>
    /// <param name="metadata">Free text pairs of the header; <c>{"format": "pt"}</c> when null.</param>
    /// <param name="withChecksum">
    /// Whether the metadata get a checksum of the file, which is checked where it is read.
    /// </param>
    /// <exception cref="ArgumentException">Two tensors have one name.</exception>
    /// <exception cref="InvalidOperationException">
    /// A tensor wrote another number of bytes than its shape takes.
    /// </exception>
    public static void Write(
        string path, IEnumerable<TensorToWrite> tensors, IReadOnlyDictionary<string, string>? metadata = null,
        bool withChecksum = false)
    {
        var ordered = tensors.ToArray();
        Array.Sort(ordered, FileOrder);
        if (ordered.GroupBy(tensor => tensor.Name, StringComparer.Ordinal)
            .FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new ArgumentException($"The tensor '{twice.Key}' is given twice.", nameof(tensors));

        metadata ??= DefaultMetadata;
        if (withChecksum)
            metadata = new Dictionary<string, string>(metadata) { [Checksum.Name] = SafetensorsChecksum.Placeholder };
        var header = Header(ordered, metadata);
        var byteCount = header.Length + ordered.Sum(tensor => tensor.ByteCount);
        AtomicFile.Write(path, stream =>
        {
            var target = withChecksum ? new ChecksumStream(stream) : stream;
            target.Write(header);
            foreach (var tensor in ordered)
                WriteElements(target, tensor);
            if (target is not ChecksumStream { Digits: var digits })
                return;
            stream.Position = SafetensorsChecksum.Place(header);
            stream.Write(Encoding.ASCII.GetBytes(digits));
        }, byteCount);
    }

    private static int FileOrder(TensorToWrite left, TensorToWrite right)
    {
        var byType = right.Type.CompareTo(left.Type);
        return byType != 0 ? byType : string.CompareOrdinal(left.Name, right.Name);
    }

    private static byte[] Header(TensorToWrite[] tensors, IReadOnlyDictionary<string, string> metadata)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            WriteMetadata(json, metadata);
            var offset = 0L;
            foreach (var tensor in tensors)
            {
                WriteEntry(json, tensor, offset);
                offset += tensor.ByteCount;
            }

            json.WriteEndObject();
        }

        // Blanks after the JSON align the first tensor to 8 bytes.
        var length = (buffer.WrittenCount + 7) / 8 * 8;
        var header = new byte[sizeof(ulong) + length];
        BinaryPrimitives.WriteUInt64LittleEndian(header, (ulong)length);
        header.AsSpan(sizeof(ulong)).Fill((byte)' ');
        buffer.WrittenSpan.CopyTo(header.AsSpan(sizeof(ulong)));
        return header;
    }

    private static void WriteMetadata(Utf8JsonWriter json, IReadOnlyDictionary<string, string> metadata)
    {
        if (metadata.Count == 0)
            return;
        json.WriteStartObject("__metadata__");
        foreach (var (key, value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
            json.WriteString(key, value);
        json.WriteEndObject();
    }

    private static void WriteEntry(Utf8JsonWriter json, TensorToWrite tensor, long offset)
    {
        json.WriteStartObject(tensor.Name);
        json.WriteString("dtype", tensor.Type.WireName());
        json.WriteStartArray("shape");
        foreach (var size in tensor.Shape)
            json.WriteNumberValue(size);
        json.WriteEndArray();
        json.WriteStartArray("data_offsets");
        json.WriteNumberValue(offset);
        json.WriteNumberValue(offset + tensor.ByteCount);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteElements(Stream stream, TensorToWrite tensor)
    {
        var start = stream.Position;
        tensor.Write(stream);
        var written = stream.Position - start;
        if (written != tensor.ByteCount)
        {
            throw new InvalidOperationException(
                $"Tensor '{tensor.Name}' wrote {written} bytes; its type and shape take {tensor.ByteCount}.");
        }
    }
}
