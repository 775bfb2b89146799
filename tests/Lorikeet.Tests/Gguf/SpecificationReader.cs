using System.Buffers.Binary;
using System.Text;

namespace Lorikeet.Tests.Gguf;

/// <summary>
/// GGUF as its specification describes it (ggml/docs/gguf.md), and nothing of Lorikeet's own code: what the writer
/// writes is judged by it.
/// </summary>
internal sealed class SpecificationReader
{
    private readonly byte[] _file;
    private int _at;

    private SpecificationReader(byte[] file) => _file = file;

    /// <summary>A tensor: its dimensions as the file has them (the adjacent one first), ggml_type, and bytes.</summary>
    public sealed record Tensor(ulong[] Dimensions, uint Type, byte[] Bytes)
    {
        /// <summary>The elements of an F32, F16, BF16, Q4_0 or Q8_0 tensor.</summary>
        public float[] Elements() => Type switch
        {
            0 => [.. Enumerable.Range(0, Bytes.Length / 4).Select(i => BitConverter.ToSingle(Bytes, i * 4))],
            1 => [.. Enumerable.Range(0, Bytes.Length / 2).Select(i => (float)BitConverter.ToHalf(Bytes, i * 2))],
            30 =>
            [
                .. Enumerable.Range(0, Bytes.Length / 2)
                    .Select(i => BitConverter.ToSingle([0, 0, Bytes[2 * i], Bytes[2 * i + 1]])),
            ],
            2 => [.. Bytes.Chunk(18).SelectMany(block =>
                block[2..].Select(b => b % 16).Concat(block[2..].Select(b => b / 16))
                    .Select(code => (code - 8) * (float)BitConverter.ToHalf(block, 0)))],
            8 => [.. Bytes.Chunk(34).SelectMany(block =>
                block[2..].Select(b => (b < 128 ? b : b - 256) * (float)BitConverter.ToHalf(block, 0)))],
            _ => throw new NotSupportedException($"ggml_type {Type}"),
        };
    }

    public uint Version { get; private set; }

    public Dictionary<string, object> Metadata { get; } = [];

    public Dictionary<string, Tensor> Tensors { get; } = [];

    public static SpecificationReader Read(string path)
    {
        var reader = new SpecificationReader(File.ReadAllBytes(path));
        reader.Read();
        return reader;
    }

    private void Read()
    {
        Assert.Equal("GGUF"u8.ToArray(), Take(4));
        Version = U32();
        var (tensorCount, pairCount) = (U64(), U64());
        for (var i = 0UL; i < pairCount; i++)
            Metadata.Add(Text(), Value(U32()));
        var infos = new List<(string Name, ulong[] Dimensions, uint Type, ulong Offset)>();
        for (var i = 0UL; i < tensorCount; i++)
        {
            var name = Text();
            var dimensions = new ulong[U32()];
            for (var d = 0; d < dimensions.Length; d++)
                dimensions[d] = U64();
            infos.Add((name, dimensions, U32(), U64()));
        }

        var alignment = Metadata.TryGetValue("general.alignment", out var given) ? (uint)given : 32;
        var data = _at + (alignment - _at % alignment) % alignment;
        foreach (var (name, dimensions, type, offset) in infos)
        {
            Assert.Equal(0UL, offset % alignment);
            var elements = dimensions.Aggregate(1UL, (product, size) => product * size);
            var (block, bytes) = type switch
            {
                0u => (1u, 4u),
                1u or 30u => (1u, 2u),
                2u => (32u, 18u),
                6u => (32u, 22u),
                8u => (32u, 34u),
                12u => (256u, 144u),
                14u => (256u, 210u),
                _ => throw new NotSupportedException($"ggml_type {type}"),
            };
            Assert.Equal(0UL, dimensions[0] % block);
            Tensors.Add(
                name,
                new Tensor(
                    dimensions, type,
                    _file.AsSpan((int)(data + (long)offset), (int)(elements / block * bytes)).ToArray()));
        }
    }

    private object Value(uint type) => type switch
    {
        0 => Take(1)[0],
        1 => (sbyte)Take(1)[0],
        2 => BinaryPrimitives.ReadUInt16LittleEndian(Take(2)),
        3 => BinaryPrimitives.ReadInt16LittleEndian(Take(2)),
        4 => U32(),
        5 => (int)U32(),
        6 => BinaryPrimitives.ReadSingleLittleEndian(Take(4)),
        7 => Take(1)[0] switch { 0 => false, 1 => true, _ => throw new InvalidDataException("a bool is 0 or 1") },
        8 => Text(),
        9 => List(U32(), U64()),
        10 => U64(),
        11 => (long)U64(),
        12 => BinaryPrimitives.ReadDoubleLittleEndian(Take(8)),
        _ => throw new InvalidDataException($"value type {type}"),
    };

    private List<object> List(uint type, ulong count)
    {
        var list = new List<object>();
        for (var i = 0UL; i < count; i++)
            list.Add(Value(type));
        return list;
    }

    private string Text() => Encoding.UTF8.GetString(Take((int)U64()));

    private uint U32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    private ulong U64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    private byte[] Take(int count)
    {
        _at += count;
        return _file[(_at - count)..(_at)];
    }
}
