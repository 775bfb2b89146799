using System.Runtime.CompilerServices;

namespace Lorikeet.Formats.Gguf.Blocks;

/// <summary>
/// The "K" types: super-blocks of 256 elements, made of 8 or 16 blocks whose scales (and minima) are themselves small
/// integers times a float16 of the super-block.
/// </summary>
internal static class SuperBlockDecoding
{
    public const int Size = 256;

    /// <summary>16 scales and minima (4 bits each), 64 bytes of 2-bit codes, d, dmin.</summary>
    public static void DecodeQ2(ReadOnlySpan<byte> block, Span<float> values)
    {
        var scales = block[..16];
        var codes = block[16..80];
        var (d, min) = (SmallBlocks.Float16(block[80..]), SmallBlocks.Float16(block[82..]));
        for (var part = 0; part < 16; part++)
        {
            // Parts of 16: two share 32 bytes of codes, four such pairs lie in the bits of each byte, two such halves.
            var bytes = codes.Slice(part / 8 * 32 + part % 2 * 16, 16);
            var shift = part % 8 / 2 * 2;
            var (scale, minimum) = (d * (scales[part] & 0xF), min * (scales[part] >> 4));
            for (var i = 0; i < 16; i++)
                values[part * 16 + i] = scale * (bytes[i] >> shift & 3) - minimum;
        }
    }

    /// <summary>32 bytes of third bits, 64 bytes of 2-bit codes, 16 scales of 6 bits in 12 bytes, d.</summary>
    public static void DecodeQ3(ReadOnlySpan<byte> block, Span<float> values)
    {
        var high = block[..32];
        var codes = block[32..96];
        var packed = block[96..108];
        var d = SmallBlocks.Float16(block[108..]);
        for (var part = 0; part < 16; part++)
        {
            var bytes = codes.Slice(part / 8 * 32 + part % 2 * 16, 16);
            var bits = high.Slice(part % 2 * 16, 16);
            var (shift, mask) = (part % 8 / 2 * 2, 1 << part / 2);
            var low = part < 8 ? packed[part] & 0xF : packed[part - 8] >> 4;
            var scale = d * ((low | (packed[8 + part % 4] >> part / 4 * 2 & 3) << 4) - 32);
            for (var i = 0; i < 16; i++)
                values[part * 16 + i] = scale * ((bytes[i] >> shift & 3) - ((bits[i] & mask) != 0 ? 0 : 4));
        }
    }

    /// <summary>d, dmin, 8 scales and minima of 6 bits in 12 bytes, 128 bytes of 4-bit codes.</summary>
    public static void DecodeQ4(ReadOnlySpan<byte> block, Span<float> values)
    {
        var (d, min) = (SmallBlocks.Float16(block), SmallBlocks.Float16(block[2..]));
        var packed = block[4..16];
        var codes = block[16..];
        for (var part = 0; part < 8; part++)
        {
            var (s, m) = SixBits(packed, part);
            var (scale, minimum) = (d * s, min * m);
            var bytes = codes.Slice(part / 2 * 32, 32);
            for (var i = 0; i < 32; i++)
                values[part * 32 + i] = scale * (bytes[i] >> part % 2 * 4 & 0xF) - minimum;
        }
    }

    /// <summary>
    /// d, dmin, 8 scales and minima of 6 bits in 12 bytes, 32 bytes of fifth bits, 128 bytes of 4-bit codes.
    /// </summary>
    public static void DecodeQ5(ReadOnlySpan<byte> block, Span<float> values)
    {
        var (d, min) = (SmallBlocks.Float16(block), SmallBlocks.Float16(block[2..]));
        var packed = block[4..16];
        var high = block[16..48];
        var codes = block[48..];
        for (var part = 0; part < 8; part++)
        {
            var (s, m) = SixBits(packed, part);
            var (scale, minimum) = (d * s, min * m);
            var bytes = codes.Slice(part / 2 * 32, 32);
            for (var i = 0; i < 32; i++)
            {
                var code = (bytes[i] >> part % 2 * 4 & 0xF) + (high[i] >> part & 1) * 16;
                values[part * 32 + i] = scale * code - minimum;
            }
        }
    }

    /// <summary>128 bytes of the low 4 bits, 64 bytes of the high 2, 16 scales of 8 bits, d.</summary>
    public static void DecodeQ6(ReadOnlySpan<byte> block, Span<float> values)
    {
        var low = block[..128];
        var high = block[128..192];
        var scales = block[192..208];
        var d = SmallBlocks.Float16(block[208..]);
        for (var element = 0; element < Size; element++)
        {
            // Halves of 128 have four runs of 32: runs 0 and 2 share the first 32 low bytes, 1 and 3 the next.
            var (half, run, i) = (element / 128, element % 128 / 32, element % 32);
            var code = low[half * 64 + run % 2 * 32 + i] >> run / 2 * 4 & 0xF
                | (high[half * 32 + i] >> run * 2 & 3) << 4;
            values[element] = d * (sbyte)scales[element / 16] * (code - 32);
        }
    }

    /// <summary>
    /// Scale and minimum of a block of Q4_K and Q5_K: the upper four lend their high bits to the lower eight bytes.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (int Scale, int Minimum) SixBits(ReadOnlySpan<byte> packed, int part) => part < 4
        ? (packed[part] & 63, packed[part + 4] & 63)
        : (packed[part + 4] & 0xF | packed[part - 4] >> 6 << 4, packed[part + 4] >> 4 | packed[part] >> 6 << 4);
}
