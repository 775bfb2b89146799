using System.Buffers.Binary;

namespace Lorikeet.Formats.Gguf.Blocks;

/// <summary>
/// Blocks of 32 elements with one scale d, and in some a minimum m. A byte of 4-bit codes holds element j low and
/// element j + 16 high; fifth bits lie together in 32 bits, element by element.
/// </summary>
internal static class SmallBlocks
{
    private const int Size = 32;
    private const int HalfSize = Size / 2;

    /// <summary>d (float16), 16 bytes of codes: (code - 8) d.</summary>
    public static void DecodeQ4_0(ReadOnlySpan<byte> block, Span<float> values)
    {
        var d = Float16(block);
        for (var j = 0; j < HalfSize; j++)
        {
            values[j] = ((block[2 + j] & 0xF) - 8) * d;
            values[j + HalfSize] = ((block[2 + j] >> 4) - 8) * d;
        }
    }

    /// <summary>d, m (float16), 16 bytes of codes: code d + m.</summary>
    public static void DecodeQ4_1(ReadOnlySpan<byte> block, Span<float> values)
    {
        var (d, m) = (Float16(block), Float16(block[2..]));
        for (var j = 0; j < HalfSize; j++)
        {
            values[j] = (block[4 + j] & 0xF) * d + m;
            values[j + HalfSize] = (block[4 + j] >> 4) * d + m;
        }
    }

    /// <summary>d (float16), 4 bytes of fifth bits, 16 bytes of codes: (code - 16) d.</summary>
    public static void DecodeQ5_0(ReadOnlySpan<byte> block, Span<float> values)
    {
        var (d, high) = (Float16(block), BinaryPrimitives.ReadUInt32LittleEndian(block[2..]));
        for (var j = 0; j < HalfSize; j++)
        {
            values[j] = ((block[6 + j] & 0xF | FifthBit(high, j)) - 16) * d;
            values[j + HalfSize] = ((block[6 + j] >> 4 | FifthBit(high, j + HalfSize)) - 16) * d;
        }
    }

    /// <summary>d, m (float16), 4 bytes of fifth bits, 16 bytes of codes: code d + m.</summary>
    public static void DecodeQ5_1(ReadOnlySpan<byte> block, Span<float> values)
    {
        var (d, m, high) = (Float16(block), Float16(block[2..]), BinaryPrimitives.ReadUInt32LittleEndian(block[4..]));
        for (var j = 0; j < HalfSize; j++)
        {
            values[j] = (block[8 + j] & 0xF | FifthBit(high, j)) * d + m;
            values[j + HalfSize] = (block[8 + j] >> 4 | FifthBit(high, j + HalfSize)) * d + m;
        }
    }

    /// <summary>d (float16), 32 signed bytes: code d.</summary>
    public static void DecodeQ8_0(ReadOnlySpan<byte> block, Span<float> values)
    {
        var d = Float16(block);
        for (var j = 0; j < Size; j++)
            values[j] = (sbyte)block[2 + j] * d;
    }

    public static void EncodeQ4_0(ReadOnlySpan<float> values, Span<byte> block)
    {
        var inverse = WriteScale(Extreme(values) / -8, block);
        for (var j = 0; j < HalfSize; j++)
        {
            var low = Math.Min(15, (int)(values[j] * inverse + 8.5f));
            var high = Math.Min(15, (int)(values[j + HalfSize] * inverse + 8.5f));
            block[2 + j] = (byte)(low | high << 4);
        }
    }

    public static void EncodeQ5_0(ReadOnlySpan<float> values, Span<byte> block)
    {
        var inverse = WriteScale(Extreme(values) / -16, block);
        var fifth = 0u;
        for (var j = 0; j < HalfSize; j++)
        {
            var low = Math.Min(31, (int)(values[j] * inverse + 16.5f));
            var high = Math.Min(31, (int)(values[j + HalfSize] * inverse + 16.5f));
            block[6 + j] = (byte)(low & 0xF | (high & 0xF) << 4);
            fifth |= (uint)(low >> 4) << j | (uint)(high >> 4) << (j + HalfSize);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(block[2..], fifth);
    }

    public static void EncodeQ8_0(ReadOnlySpan<float> values, Span<byte> block)
    {
        var inverse = WriteScale(Math.Abs(Extreme(values)) / 127, block);
        for (var j = 0; j < Size; j++)
            block[2 + j] = (byte)(sbyte)MathF.Round(values[j] * inverse, MidpointRounding.AwayFromZero);
    }

    public static float Float16(ReadOnlySpan<byte> bytes) => (float)BinaryPrimitives.ReadHalfLittleEndian(bytes);

    /// <summary>The first of the elements that are farthest from zero.</summary>
    private static float Extreme(ReadOnlySpan<float> values)
    {
        var (distance, extreme) = (0f, 0f);
        foreach (var value in values)
            if (distance < Math.Abs(value))
                (distance, extreme) = (Math.Abs(value), value);
        return extreme;
    }

    /// <summary>Stores d rounded; codes are found with 1/d before it is rounded.</summary>
    private static float WriteScale(float d, Span<byte> block)
    {
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)d);
        return d != 0 ? 1f / d : 0f;
    }

    private static int FifthBit(uint bits, int element) => (int)(bits >> element & 1) << 4;
}
