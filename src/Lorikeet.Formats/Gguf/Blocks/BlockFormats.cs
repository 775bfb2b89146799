using System.Buffers.Binary;

namespace Lorikeet.Formats.Gguf.Blocks;

/// <summary>Elements to blocks and back, for every type that models are read or written in.</summary>
/// <remarks>
/// Reference: llama.cpp <c>ggml-quants.c</c>, its <c>quantize_row_*_ref</c> and <c>dequantize_row_*</c>, followed
/// operation by operation in float32, so that the bits agree.
/// </remarks>
public static class BlockFormats
{
    private delegate void Decoder(ReadOnlySpan<byte> block, Span<float> values);

    private delegate void Encoder(ReadOnlySpan<float> values, Span<byte> block);

    /// <summary>Decodes whole blocks to float32.</summary>
    /// <param name="type">How they are stored.</param>
    /// <param name="blocks">The stored bytes; see <see cref="GgufTypes.BlockBytes"/>.</param>
    /// <param name="values">Takes the elements, a multiple of <see cref="GgufTypes.BlockSize"/>.</param>
    /// <exception cref="NotSupportedException">
    /// The type is not one that is decoded; see <see cref="CanDecode"/>.
    /// </exception>
    public static void Decode(GgufType type, ReadOnlySpan<byte> blocks, Span<float> values)
    {
        var decode = FindDecoder(type) ?? throw new NotSupportedException($"{type} is not decoded.");
        var (size, bytes) = (type.BlockSize(), type.BlockBytes());
        for (var block = 0; block < values.Length / size; block++)
            decode(blocks.Slice(block * bytes, bytes), values.Slice(block * size, size));
    }

    /// <summary>Encodes whole blocks: F32, F16, BF16, Q4_0, Q5_0, Q8_0, Q4_K and Q6_K.</summary>
    /// <param name="type">How they are to be stored.</param>
    /// <param name="values">The elements, a multiple of <see cref="GgufTypes.BlockSize"/>.</param>
    /// <param name="blocks">Takes the bytes; see <see cref="GgufTypes.BlockBytes"/>.</param>
    /// <exception cref="NotSupportedException">The type is not one that is written.</exception>
    public static void Encode(GgufType type, ReadOnlySpan<float> values, Span<byte> blocks)
    {
        var encode = FindEncoder(type) ?? throw new NotSupportedException($"{type} is not encoded.");
        var (size, bytes) = (type.BlockSize(), type.BlockBytes());
        for (var block = 0; block < values.Length / size; block++)
            encode(values.Slice(block * size, size), blocks.Slice(block * bytes, bytes));
    }

    /// <summary>Whether blocks of a type can be decoded: floats, Q4_0 to Q8_0 and Q2_K to Q6_K.</summary>
    /// <param name="type">The type.</param>
    public static bool CanDecode(GgufType type) => FindDecoder(type) is not null;

    private static Decoder? FindDecoder(GgufType type) => type switch
    {
        GgufType.F32 => static (block, values) => values[0] = BinaryPrimitives.ReadSingleLittleEndian(block),
        GgufType.F16 => static (block, values) => values[0] = (float)BinaryPrimitives.ReadHalfLittleEndian(block),
        GgufType.BF16 => static (block, values) =>
            values[0] = BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(block) << 16),
        GgufType.Q4_0 => SmallBlocks.DecodeQ4_0,
        GgufType.Q4_1 => SmallBlocks.DecodeQ4_1,
        GgufType.Q5_0 => SmallBlocks.DecodeQ5_0,
        GgufType.Q5_1 => SmallBlocks.DecodeQ5_1,
        GgufType.Q8_0 => SmallBlocks.DecodeQ8_0,
        GgufType.Q2_K => SuperBlockDecoding.DecodeQ2,
        GgufType.Q3_K => SuperBlockDecoding.DecodeQ3,
        GgufType.Q4_K => SuperBlockDecoding.DecodeQ4,
        GgufType.Q5_K => SuperBlockDecoding.DecodeQ5,
        GgufType.Q6_K => SuperBlockDecoding.DecodeQ6,
        _ => null,
    };

    private static Encoder? FindEncoder(GgufType type) => type switch
    {
        GgufType.F32 => static (values, block) => BinaryPrimitives.WriteSingleLittleEndian(block, values[0]),
        GgufType.F16 => static (values, block) => BinaryPrimitives.WriteHalfLittleEndian(block, (Half)values[0]),
        GgufType.BF16 => static (values, block) =>
            BinaryPrimitives.WriteUInt16LittleEndian(block, ToBFloat16(values[0])),
        GgufType.Q4_0 => SmallBlocks.EncodeQ4_0,
        GgufType.Q5_0 => SmallBlocks.EncodeQ5_0,
        GgufType.Q8_0 => SmallBlocks.EncodeQ8_0,
        GgufType.Q4_K => SuperBlockEncoding.EncodeQ4,
        GgufType.Q6_K => SuperBlockEncoding.EncodeQ6,
        _ => null,
    };

    /// <summary>Round to nearest, ties to even; a NaN stays one.</summary>
    private static ushort ToBFloat16(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value)
            ? (ushort)((bits >> 16) | 64)
            : (ushort)((bits + (0x7FFF + ((bits >> 16) & 1))) >> 16);
    }
}
