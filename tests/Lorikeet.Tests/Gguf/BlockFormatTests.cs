using System.Runtime.InteropServices;
using Lorikeet.Formats;
using Lorikeet.Formats.Gguf;
using Lorikeet.Formats.Gguf.Blocks;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Testing;

namespace Lorikeet.Tests.Gguf;

/// <summary>Elements and blocks: by hand from the layouts, and bit for bit as ggml computes them.</summary>
public sealed class BlockFormatTests
{
    private const string Ggml = "llama.cpp of LLamaSharp 0.30.0";

    private static readonly byte[] s_one = [0x00, 0x3C]; // 1 in float16
    private static readonly byte[] s_half = [0x00, 0x38]; // 0.5
    private static readonly byte[] s_two = [0x00, 0x40]; // 2

    [Theory]
    [InlineData("q4_0")]
    [InlineData("q5_0")]
    [InlineData("q8_0")]
    [InlineData("q4_K")]
    [InlineData("q6_K")]
    public void Encode_GivesTheBlocksOfGgml(string name)
    {
        using var golden = SafetensorsFile.Open(TestAssets.Golden("gguf", "blocks.safetensors"));
        var expected = golden.Span<byte>(name + ".blocks").ToArray();
        var actual = new byte[expected.Length];
        BlockFormats.Encode(Enum.Parse<GgufType>(name.ToUpperInvariant()), golden.Span<float>("x"), actual);
        var size = Enum.Parse<GgufType>(name.ToUpperInvariant()).BlockBytes();
        var different = expected.Chunk(size).Zip(actual.Chunk(size))
            .Count(pair => !pair.First.SequenceEqual(pair.Second));
        Compatibility.RecordEqual(
            "GGUF", $"{name}: elements to blocks", Ggml, $"{expected.Length / size} blocks", different);
    }

    [Theory]
    [InlineData("q4_0")]
    [InlineData("q4_1")]
    [InlineData("q5_0")]
    [InlineData("q5_1")]
    [InlineData("q8_0")]
    [InlineData("q2_K")]
    [InlineData("q3_K")]
    [InlineData("q4_K")]
    [InlineData("q5_K")]
    [InlineData("q6_K")]
    public void Decode_GivesTheElementsOfGgml(string name)
    {
        using var golden = SafetensorsFile.Open(TestAssets.Golden("gguf", "blocks.safetensors"));
        var expected = golden.Span<float>(name + ".values").ToArray();
        var actual = new float[expected.Length];
        BlockFormats.Decode(Enum.Parse<GgufType>(name.ToUpperInvariant()), golden.Span<byte>(name + ".blocks"), actual);
        var different = Bits(expected).Zip(Bits(actual)).Count(pair => pair.First != pair.Second);
        Compatibility.RecordEqual(
            "GGUF", $"{name}: blocks to elements", Ggml, $"{Quantities.Count(expected.Length)} elements", different);
    }

    [Fact]
    public void Q4_0_HoldsElementJAndJPlus16InAByte()
    {
        byte[] block = [.. s_half, .. Enumerable.Range(0, 16).Select(j => (byte)(j | (15 - j) << 4))];
        var values = Decode(GgufType.Q4_0, block);
        Assert.Equal(Enumerable.Range(0, 16).Select(j => (j - 8) * 0.5f), values[..16]);
        Assert.Equal(Enumerable.Range(0, 16).Select(j => (7 - j) * 0.5f), values[16..]);
    }

    [Fact]
    public void Q8_0_HoldsSignedBytes()
    {
        byte[] block = [.. s_two, .. Enumerable.Range(0, 32).Select(j => (byte)(sbyte)(j - 16))];
        Assert.Equal(Enumerable.Range(0, 32).Select(j => (j - 16) * 2f), Decode(GgufType.Q8_0, block));
    }

    [Fact]
    public void Q5_1_TakesItsFifthBitsElementByElement()
    {
        byte[] block = [.. s_one, .. s_half, 0b0000_0001, 0, 0b0000_0010, 0, .. new byte[16]];
        var values = Decode(GgufType.Q5_1, block);
        Assert.Equal((16.5f, 0.5f, 16.5f, 0.5f), (values[0], values[1], values[17], values[31]));
    }

    [Fact]
    public void Q4_K_ScalesAndMinimaHaveSixBits()
    {
        // Part 0: scale 63, minimum 1. Part 4: scale 0b110101, minimum 0b100010, whose high bits lie in bytes 0 and 4.
        var packed = new byte[12];
        packed[0] = 63 | 0b11 << 6;
        packed[4] = 1 | 0b10 << 6;
        packed[8] = 0b0101 | 0b0010 << 4;
        byte[] block = [.. s_one, .. s_half, .. packed, .. Enumerable.Repeat((byte)0x21, 128)];
        var values = Decode(GgufType.Q4_K, block);
        Assert.Equal(63f * 1 - 0.5f * 1, values[0]);
        Assert.Equal(0f, values[32]); // part 1: high nibbles of the same bytes, scale 0
        Assert.Equal(0b110101 * 1f - 0.5f * 0b100010, values[128]);
    }

    [Fact]
    public void Q6_K_PutsItsCodesTogetherFromTwoPlaces()
    {
        var (low, high, scales) = (new byte[128], new byte[64], new byte[16]);
        low[0] = 0x5 | 0xA << 4; // elements 0 and 64
        high[0] = 0b10 | 0b01 << 4;
        (scales[0], scales[4]) = (3, unchecked((byte)-2));
        var values = Decode(GgufType.Q6_K, [.. low, .. high, .. scales, .. s_one]);
        Assert.Equal(3f * (0x25 - 32), values[0]);
        Assert.Equal(-2f * (0x1A - 32), values[64]);
    }

    [Fact]
    public void Q4_0_OfAnExtremeValue_PutsItAtCodeZero()
    {
        var values = new float[32];
        (values[3], values[20]) = (-4, 2);
        var block = new byte[18];
        BlockFormats.Encode(GgufType.Q4_0, values, block);
        Assert.Equal(s_half, block[..2]); // -4 / -8
        // -4 is code 0; 2 is 4 above the middle, in the high half
        Assert.Equal((0x80, 0xC8), (block[2 + 3], block[2 + 4]));
    }

    [Fact]
    public void Zeros_StayZero_InEveryTypeThatIsWritten()
    {
        foreach (var type in (GgufType[])[GgufType.Q4_0, GgufType.Q5_0, GgufType.Q8_0, GgufType.Q4_K, GgufType.Q6_K])
        {
            var blocks = new byte[type.ByteCount([256])];
            BlockFormats.Encode(type, new float[256], blocks);
            var read = new float[256];
            BlockFormats.Decode(type, blocks, read);
            Assert.All(read, value => Assert.Equal(0, value));
        }
    }

    [Theory]
    [InlineData(1f, (ushort)0x3F80)]
    [InlineData(1.00390625f, (ushort)0x3F80)] // halfway, to even
    [InlineData(1.01171875f, (ushort)0x3F82)] // halfway, to even
    [InlineData(-3.0e38f, (ushort)0xFF62)]
    [InlineData(float.PositiveInfinity, (ushort)0x7F80)]
    [InlineData(float.NaN, (ushort)0xFFC0)]
    public void BFloat16_RoundsToNearestEven(float value, ushort expected)
    {
        var bytes = new byte[2];
        BlockFormats.Encode(GgufType.BF16, [value], bytes);
        Assert.Equal(expected, BitConverter.ToUInt16(bytes));
    }

    private static float[] Decode(GgufType type, byte[] block)
    {
        Assert.Equal(type.BlockBytes(), block.Length);
        var values = new float[type.BlockSize()];
        BlockFormats.Decode(type, block, values);
        return values;
    }

    private static uint[] Bits(float[] values) => MemoryMarshal.Cast<float, uint>(values).ToArray();
}
