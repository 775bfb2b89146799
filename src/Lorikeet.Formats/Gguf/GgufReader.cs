using System.Buffers.Binary;
using System.Text;

namespace Lorikeet.Formats.Gguf;

/// <summary>Reads the header of a GGUF file: magic, version, metadata and what tensors there are.</summary>
internal sealed class GgufReader(MappedFile file)
{
    public const uint Magic = 0x46554747; // "GGUF"
    public const string AlignmentKey = "general.alignment";
    public const uint DefaultAlignment = 32;

    private const int LargestRank = 4;
    private const int DeepestNesting = 4;

    // A text beyond this is not a tokenizer's; .NET's own limit is not far above.
    private const long LongestText = 1 << 28;

    private readonly ByteBudget _budget = new(file.Length);
    private long _position;

    public (Dictionary<string, GgufValue> Metadata, Dictionary<string, GgufTensor> Tensors) Read()
    {
        try
        {
            return ReadHeader();
        }
        catch (ReadingLimitException fault)
        {
            throw Damaged(fault.Message);
        }
    }

    private (Dictionary<string, GgufValue> Metadata, Dictionary<string, GgufTensor> Tensors) ReadHeader()
    {
        if (file.Length < sizeof(uint) || UInt32() != Magic)
        {
            throw new CheckpointException(
                $"'{file.Path}' is not a GGUF file: it does not begin with 'GGUF'. Check the path, or fetch it again.");
        }

        CheckVersion(UInt32());
        var tensorCount = Entries(perItem: 24);
        var pairCount = Entries(perItem: 13);
        var metadata = ReadMetadata(pairCount);
        return (metadata, ReadTensors(tensorCount, Alignment(metadata)));
    }

    private void CheckVersion(uint version)
    {
        if (version is 2 or 3)
            return;
        var isSwapped = BinaryPrimitives.ReverseEndianness(version) is 2 or 3;
        throw new CheckpointException(isSwapped
            ? $"'{file.Path}' is a big-endian GGUF file. A little-endian one was expected. " +
                "Convert the model again without --bigendian."
            : $"'{file.Path}' is of GGUF version {version}. Version 2 or 3 was expected. " +
                "Convert the model again with a current llama.cpp.");
    }

    private Dictionary<string, GgufValue> ReadMetadata(long count)
    {
        var metadata = new Dictionary<string, GgufValue>(StringComparer.Ordinal);
        for (var i = 0L; i < count; i++)
        {
            var key = String();
            if (!metadata.TryAdd(key, Value(Type(key), key, 0)))
                throw Damaged($"the key '{key}' is there twice");
        }

        return metadata;
    }

    private uint Alignment(Dictionary<string, GgufValue> metadata)
    {
        if (!metadata.TryGetValue(AlignmentKey, out var value))
            return DefaultAlignment;
        return value.Content is uint alignment && alignment >= 8 && uint.IsPow2(alignment)
            ? alignment
            : throw Damaged($"{AlignmentKey} is {value.Content}; a power of two of at least 8 was expected");
    }

    private Dictionary<string, GgufTensor> ReadTensors(long count, uint alignment)
    {
        var claimed = new List<(string Name, GgufType Type, long[] Shape, ulong Offset)>();
        for (var i = 0L; i < count; i++)
        {
            var name = String();
            var rank = UInt32();
            if (rank > LargestRank)
                throw Damaged($"tensor '{name}' has {rank} dimensions; at most {LargestRank} are possible");
            var shape = new long[rank];
            for (var axis = (int)rank - 1; axis >= 0; axis--)
                shape[axis] = (long)UInt64();
            var type = (GgufType)UInt32();
            if (!Enum.IsDefined(type))
                throw UnknownType(name, type);
            claimed.Add((name, type, shape, UInt64()));
        }

        var data = (_position + alignment - 1) / alignment * alignment;
        var tensors = new Dictionary<string, GgufTensor>(StringComparer.Ordinal);
        foreach (var (name, type, shape, offset) in claimed)
        {
            if (!tensors.TryAdd(name, Place(name, type, shape, offset, data, alignment)))
                throw Damaged($"tensor '{name}' is listed twice");
        }

        return tensors;
    }

    private GgufTensor Place(string name, GgufType type, long[] shape, ulong offset, long data, uint alignment)
    {
        var shown = $"tensor '{name}' {type} [{string.Join(", ", shape)}]";
        if (shape.Any(size => size < 0) || (shape.Length > 0 && shape[^1] % type.BlockSize() != 0))
            throw Damaged($"{shown} is impossible: rows are stored in blocks of {type.BlockSize()} elements");
        long bytes;
        try
        {
            bytes = type.ByteCount(shape);
        }
        catch (OverflowException)
        {
            throw Damaged($"{shown} is impossible");
        }

        if (offset % alignment != 0)
            throw Damaged($"{shown} begins at {offset}, which is no multiple of {alignment}");
        if (offset > (ulong)file.Length || bytes > file.Length || (long)offset > file.Length - data - bytes)
            throw CutShort(
                $"{shown} takes {bytes} bytes at {offset} after byte {data}, but the file has {file.Length}");
        return new GgufTensor(name, type, shape, data + (long)offset, bytes);
    }

    private GgufValue Value(GgufValueType type, string key, int depth) => type switch
    {
        GgufValueType.UInt8 => new GgufValue(type, Bytes(1)[0]),
        GgufValueType.Int8 => new GgufValue(type, (sbyte)Bytes(1)[0]),
        GgufValueType.UInt16 => new GgufValue(type, BinaryPrimitives.ReadUInt16LittleEndian(Bytes(2))),
        GgufValueType.Int16 => new GgufValue(type, BinaryPrimitives.ReadInt16LittleEndian(Bytes(2))),
        GgufValueType.UInt32 => new GgufValue(type, UInt32()),
        GgufValueType.Int32 => new GgufValue(type, (int)UInt32()),
        GgufValueType.Float32 => new GgufValue(type, BinaryPrimitives.ReadSingleLittleEndian(Bytes(4))),
        GgufValueType.Bool => new GgufValue(type, Bytes(1)[0] != 0),
        GgufValueType.String => new GgufValue(type, String()),
        GgufValueType.UInt64 => new GgufValue(type, UInt64()),
        GgufValueType.Int64 => new GgufValue(type, (long)UInt64()),
        GgufValueType.Float64 => new GgufValue(type, BinaryPrimitives.ReadDoubleLittleEndian(Bytes(8))),
        GgufValueType.Array when depth < DeepestNesting => ReadArray(key, depth),
        _ => throw Damaged($"the value of '{key}' nests arrays deeper than {DeepestNesting}"),
    };

    private GgufValue ReadArray(string key, int depth)
    {
        var type = Type(key);
        var count = (int)Math.Min(Count(perItem: SmallestSize(type)), Array.MaxLength);
        _budget.Take(8L * count);
        T[] All<T>()
        {
            var items = new T[count];
            for (var i = 0; i < count; i++)
            {
                var value = Value(type, key, depth + 1);
                items[i] = value is T nested ? nested : (T)value.Content;
            }

            return items;
        }

        object content = type switch
        {
            GgufValueType.UInt8 => All<byte>(),
            GgufValueType.Int8 => All<sbyte>(),
            GgufValueType.UInt16 => All<ushort>(),
            GgufValueType.Int16 => All<short>(),
            GgufValueType.UInt32 => All<uint>(),
            GgufValueType.Int32 => All<int>(),
            GgufValueType.Float32 => All<float>(),
            GgufValueType.Bool => All<bool>(),
            GgufValueType.String => All<string>(),
            GgufValueType.UInt64 => All<ulong>(),
            GgufValueType.Int64 => All<long>(),
            GgufValueType.Float64 => All<double>(),
            _ => All<GgufValue>(),
        };
        return new GgufValue(GgufValueType.Array, content, type);
    }

    private GgufValueType Type(string key)
    {
        var type = (GgufValueType)UInt32();
        return Enum.IsDefined(type) ? type : throw Damaged($"the value of '{key}' is of the unknown type {(uint)type}");
    }

    private string String()
    {
        var length = UInt64();
        if (length > (ulong)(file.Length - _position) || length > LongestText)
            throw CutShort($"a text of {length} bytes at byte {_position} reaches past the end");
        _budget.Take(32 + 2 * (long)length);
        return Encoding.UTF8.GetString(Bytes((long)length));
    }

    /// <summary>
    /// A number of things of which each takes some bytes, so that a damaged one cannot exhaust memory.
    /// </summary>
    private long Count(int perItem)
    {
        var count = UInt64();
        return count <= (ulong)(file.Length - _position) / (ulong)perItem
            ? (long)count
            : throw CutShort($"at byte {_position} it announces {count} entries, more than fit");
    }

    private long Entries(int perItem)
    {
        var count = Count(perItem);
        return count <= ReadingLimits.Entries
            ? count
            : throw Damaged($"it announces {count} entries; at most {ReadingLimits.Entries} are read");
    }

    private static int SmallestSize(GgufValueType type) => type switch
    {
        GgufValueType.UInt8 or GgufValueType.Int8 or GgufValueType.Bool => 1,
        GgufValueType.UInt16 or GgufValueType.Int16 => 2,
        GgufValueType.UInt32 or GgufValueType.Int32 or GgufValueType.Float32 => 4,
        GgufValueType.Array => 12,
        _ => 8,
    };

    private uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Bytes(sizeof(uint)));

    private ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Bytes(sizeof(ulong)));

    private ReadOnlySpan<byte> Bytes(long count)
    {
        var bytes = file.Span(_position, count);
        _position += count;
        return bytes;
    }

    private CheckpointException UnknownType(string name, GgufType type) => new(
        $"Tensor '{name}' is of the type {(int)type}, which this version does not know. Where: '{file.Path}'. " +
        "Convert the model to F16, Q8_0 or another common type.");

    private CheckpointException Damaged(string what) => new(
        $"'{file.Path}' is not a valid GGUF file: {what}. Fetch it again, or convert the model again.");

    private CheckpointException CutShort(string what) => new(
        $"'{file.Path}' is not a valid GGUF file: {what}. " +
        "It was probably cut short while it was copied or downloaded; fetch it again.");
}
