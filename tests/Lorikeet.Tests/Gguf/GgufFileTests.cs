using System.Text;
using Lorikeet.Formats.Gguf;
using Lorikeet.Testing;

namespace Lorikeet.Tests.Gguf;

/// <summary>The container: metadata of every type, tensors, alignment, and files that are none.</summary>
public sealed class GgufFileTests : IDisposable
{
    private static readonly KeyValuePair<string, GgufValue>[] s_metadata =
    [
        new("u8", new(GgufValueType.UInt8, (byte)200)), new("i8", new(GgufValueType.Int8, (sbyte)-100)),
        new("u16", new(GgufValueType.UInt16, (ushort)60000)), new("i16", new(GgufValueType.Int16, (short)-30000)),
        new("u32", 4000000000u), new("i32", new(GgufValueType.Int32, -2000000000)), new("f32", 1.5f), new("bool", true),
        new("text", "Tiếng Việt 🦜"), new("u64", new(GgufValueType.UInt64, ulong.MaxValue)),
        new("i64", new(GgufValueType.Int64, long.MinValue)), new("f64", new(GgufValueType.Float64, Math.PI)),
        new("texts", new[] { "a", "", "c" }), new("floats", new[] { 1f, -2f }), new("numbers", new[] { 7, -8 }),
        new("nested", new(GgufValueType.Array, new GgufValue[] { new[] { 1, 2 }, new[] { 3 } })),
        new("empty", Array.Empty<string>()),
    ];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Path => _folder["file.gguf"];

    [Fact]
    public void Metadata_OfEveryType_IsReadByTheSpecificationAndByUs()
    {
        GgufWriter.Write(Path, s_metadata, []);

        var read = SpecificationReader.Read(Path);
        Assert.Equal(3u, read.Version);
        Assert.Equal(s_metadata.Select(pair => pair.Key), read.Metadata.Keys);
        Assert.Equal(
            new object[]
            {
                (byte)200, (sbyte)-100, (ushort)60000, (short)-30000, 4000000000u, -2000000000, 1.5f, true,
                "Tiếng Việt 🦜",
                ulong.MaxValue, long.MinValue, Math.PI,
            },
            read.Metadata.Values.Take(12));
        Assert.Equal(new object[] { "a", "", "c" }, (List<object>)read.Metadata["texts"]);
        Assert.Equal(new object[] { 3 }, (List<object>)((List<object>)read.Metadata["nested"])[1]);
        Assert.Empty((List<object>)read.Metadata["empty"]);

        using var file = GgufFile.Open(Path);
        foreach (var (key, value) in s_metadata.Take(12))
            Assert.Equal(value, file.Metadata.Values[key]);
        Assert.Equal(["a", "", "c"], file.Metadata.Array<string>("texts")!);
        Assert.Equal([1f, -2f], file.Metadata.Array<float>("floats")!);
        Assert.Equal(new[] { 3 }, (int[])file.Metadata.Array<GgufValue>("nested")![1].Content);
        Assert.Equal(
            (200, -100, -30000),
            (file.Metadata.Integer("u8"), file.Metadata.Integer("i8"), file.Metadata.Integer("i16")));
    }

    [Theory]
    [InlineData(null)]
    [InlineData(64u)]
    [InlineData(8u)]
    public unsafe void Tensors_AreAligned_AndHaveTheirDimensionsReversed(uint? alignment)
    {
        KeyValuePair<string, GgufValue>[] metadata = alignment is { } bytes ? [new("general.alignment", bytes)] : [];
        byte[] first = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
        second = [.. Enumerable.Range(0, 68).Select(i => (byte)i)];
        GgufWriter.Write(Path, metadata,
        [
            new("a", GgufType.F16, [2, 3], stream => stream.Write(first)),
            new("b", GgufType.Q8_0, [2, 1, 32], stream => stream.Write(second)),
        ]);

        var read = SpecificationReader.Read(Path);
        Assert.Equal([3UL, 2UL], read.Tensors["a"].Dimensions);
        Assert.Equal([32UL, 1UL, 2UL], read.Tensors["b"].Dimensions);
        Assert.Equal(first, read.Tensors["a"].Bytes);
        Assert.Equal(second, read.Tensors["b"].Bytes);

        using var file = GgufFile.Open(Path);
        Assert.Equal([2L, 1L, 32L], file.Tensors["b"].Shape);
        Assert.Equal(second, new ReadOnlySpan<byte>(file.Pointer(file.Tensors["b"]), 68).ToArray());
        Assert.All(file.Tensors.Values, tensor => Assert.Equal(0, tensor.Offset % (alignment ?? 32)));
    }

    [Fact]
    public unsafe void Tensor_OfMoreThanTwoGigabytes_IsWrittenAndRead()
    {
        const long rows = 70_000, columns = 8192; // 2.3 GB of float32, of which the file system stores one page
        GgufWriter.Write(Path, [],
        [
            new("large", GgufType.F32, [rows, columns], stream =>
            {
                stream.Seek(rows * columns * sizeof(float) - sizeof(float), SeekOrigin.Current);
                stream.Write(BitConverter.GetBytes(42f));
            }),
            new("after", GgufType.F32, [1], stream => stream.Write(BitConverter.GetBytes(43f))),
        ]);

        using var file = GgufFile.Open(Path);
        Assert.Equal(
            42f, *(float*)(file.Pointer(file.Tensors["large"]) + rows * columns * sizeof(float) - sizeof(float)));
        Assert.Equal(43f, *(float*)file.Pointer(file.Tensors["after"]));
    }

    [Fact]
    public void VersionTwo_IsReadAsVersionThree()
    {
        GgufWriter.Write(Path, s_metadata, []);
        Patch(4, 2);
        using var file = GgufFile.Open(Path);
        Assert.Equal(s_metadata.Length, file.Metadata.Values.Count);
    }

    [Theory]
    [InlineData(0, (byte)'X', "does not begin with 'GGUF'")]
    [InlineData(4, (byte)1, "version 1")]
    [InlineData(11, (byte)1, "more than fit")]
    [InlineData(24, (byte)250, "reaches past the end")]
    [InlineData(34, (byte)13, "unknown type 13")]
    public void DamagedHeader_IsNamed(int offset, byte value, string expected)
    {
        GgufWriter.Write(Path, [new("ab", 1u)], []);
        Patch(offset, value);
        Assert.Contains(expected, Assert.Throws<CheckpointException>(() => GgufFile.Open(Path)).Message);
    }

    [Theory]
    [InlineData("big", "big-endian")]
    [InlineData("split", "llama-gguf-split")]
    [InlineData("twice", "'a' is there twice")]
    [InlineData("type", "of the type 99")]
    [InlineData("offset", "no multiple of 32")]
    [InlineData("blocks", "blocks of 32")]
    [InlineData("cut", "but the file has")]
    [InlineData("alignment", "power of two")]
    [InlineData("empty", "does not begin")]
    public void ImpossibleFile_IsNamed(string kind, string expected)
    {
        using (var writer = new BinaryWriter(File.Create(Path)))
        {
            if (kind != "empty")
                WriteImpossible(writer, kind);
        }

        Assert.Contains(expected, Assert.Throws<CheckpointException>(() => GgufFile.Open(Path)).Message);
    }

    [Fact]
    public void ValueOfAnotherType_IsNamedWithItsKey()
    {
        GgufWriter.Write(Path, [new("llama.block_count", "many")], []);
        using var file = GgufFile.Open(Path);
        var fault = Assert.Throws<CheckpointException>(() => file.Metadata.Integer("llama.block_count"));
        Assert.Contains("'llama.block_count' is many (String)", fault.Message);
    }

    [Fact]
    public void TensorThatWritesTooLittle_LeavesNoFile()
    {
        Assert.Throws<InvalidOperationException>(
            () => GgufWriter.Write(Path, [], [new("a", GgufType.F32, [2], stream => stream.WriteByte(1))]));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    private static void WriteImpossible(BinaryWriter writer, string kind)
    {
        string[] keys = kind switch
        {
            "twice" => ["a", "a"],
            "split" => ["split.count"],
            "alignment" => ["general.alignment"],
            _ => [],
        };
        writer.Write("GGUF"u8);
        writer.Write(kind == "big" ? 0x03000000u : 3u);
        writer.Write(1UL);
        writer.Write((ulong)keys.Length);
        foreach (var key in keys)
        {
            Text(key);
            writer.Write(4u);
            writer.Write(kind == "alignment" ? 12u : 3u);
        }

        Text("t");
        writer.Write(1u);
        writer.Write(kind == "blocks" ? 33UL : 64UL);
        writer.Write(kind switch { "type" => 99u, "blocks" => 8u, _ => 0u });
        writer.Write(kind == "offset" ? 4UL : 0UL);
        writer.Write(new byte[kind == "cut" ? 40 : 1000]);

        void Text(string text)
        {
            writer.Write((ulong)text.Length);
            writer.Write(Encoding.ASCII.GetBytes(text));
        }
    }

    private void Patch(int offset, byte value)
    {
        var bytes = File.ReadAllBytes(Path);
        bytes[offset] = value;
        File.WriteAllBytes(Path, bytes);
    }
}
