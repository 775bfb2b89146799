using System.Buffers.Binary;

namespace Lorikeet.Formats.Gguf.Blocks;

/// <summary>Writes the "K" types that mixtures are made of.</summary>
internal static class SuperBlockEncoding
{
    private const int Size = SuperBlockDecoding.Size;
    private const float Negligible = 1e-15f;

    public static void EncodeQ4(ReadOnlySpan<float> values, Span<byte> block)
    {
        Span<float> scales = stackalloc float[8];
        Span<float> minima = stackalloc float[8];
        Span<byte> codes = stackalloc byte[Size];
        Span<float> weights = stackalloc float[32];
        var (largestScale, largestMinimum) = (0f, 0f);
        for (var part = 0; part < 8; part++)
        {
            var x = values.Slice(part * 32, 32);
            var squares = 0f;
            foreach (var value in x)
                squares += value * value;
            var average = MathF.Sqrt(squares / 32);
            for (var i = 0; i < 32; i++)
                weights[i] = average + Math.Abs(x[i]);
            var best = codes.Slice(part * 32, 32);
            (scales[part], minima[part]) = BlockFit.ScaleAndMinimum(x, weights, best, 15, -1f, 0.1f, 20);
            largestScale = scales[part] > largestScale ? scales[part] : largestScale;
            largestMinimum = minima[part] > largestMinimum ? minima[part] : largestMinimum;
        }

        var d = WriteFloat16(largestScale / 63f, block);
        var min = WriteFloat16(largestMinimum / 63f, block[2..]);
        var packed = block[4..16];
        var inverseScale = largestScale > 0 ? 63f / largestScale : 0;
        var inverseMinimum = largestMinimum > 0 ? 63f / largestMinimum : 0;
        PackSixBits(scales, inverseScale, minima, inverseMinimum, packed);
        for (var part = 0; part < 8; part++)
        {
            var (s, m) = SuperBlockDecoding.SixBits(packed, part);
            var scale = d * s;
            if (scale == 0)
                continue;
            var minimum = min * m;
            for (var i = part * 32; i < part * 32 + 32; i++)
                codes[i] = (byte)Math.Clamp(BlockFit.Nearest((values[i] + minimum) / scale), 0, 15);
        }

        for (var i = 0; i < Size / 2; i++)
        {
            var first = i / 32 * 64 + i % 32;
            block[16 + i] = (byte)(codes[first] | codes[first + 32] << 4);
        }
    }

    public static void EncodeQ6(ReadOnlySpan<float> values, Span<byte> block)
    {
        Span<float> scales = stackalloc float[16];
        Span<byte> codes = stackalloc byte[Size];
        var (largest, distance) = (0f, 0f);
        for (var part = 0; part < 16; part++)
        {
            scales[part] = BlockFit.Scale(values.Slice(part * 16, 16), codes.Slice(part * 16, 16), 32);
            if (Math.Abs(scales[part]) > distance)
                (distance, largest) = (Math.Abs(scales[part]), scales[part]);
        }

        block.Clear();
        if (distance < Negligible)
            return;
        var inverse = -128f / largest;
        var d = WriteFloat16(1 / inverse, block[208..]);
        for (var part = 0; part < 16; part++)
        {
            var stored = (sbyte)Math.Min(127, BlockFit.Nearest(inverse * scales[part]));
            block[192 + part] = (byte)stored;
            var scale = d * stored;
            if (scale == 0)
                continue;
            for (var i = part * 16; i < part * 16 + 16; i++)
                codes[i] = (byte)(Math.Clamp(BlockFit.Nearest(values[i] / scale), -32, 31) + 32);
        }

        for (var element = 0; element < Size; element++)
        {
            var (half, run, i) = (element / 128, element % 128 / 32, element % 32);
            block[half * 64 + run % 2 * 32 + i] |= (byte)((codes[element] & 0xF) << run / 2 * 4);
            block[128 + half * 32 + i] |= (byte)(codes[element] >> 4 << run * 2);
        }
    }

    private static void PackSixBits(
        ReadOnlySpan<float> scales, float inverseScale, ReadOnlySpan<float> minima, float inverseMinimum,
        Span<byte> packed)
    {
        for (var part = 0; part < 8; part++)
        {
            var s = Math.Min((byte)63, unchecked((byte)BlockFit.Nearest(inverseScale * scales[part])));
            var m = Math.Min((byte)63, unchecked((byte)BlockFit.Nearest(inverseMinimum * minima[part])));
            if (part < 4)
            {
                (packed[part], packed[part + 4]) = (s, m);
                continue;
            }

            packed[part + 4] = (byte)(s & 0xF | (m & 0xF) << 4);
            packed[part - 4] |= (byte)(s >> 4 << 6);
            packed[part] |= (byte)(m >> 4 << 6);
        }
    }

    /// <summary>Stores a float16 and gives what was stored.</summary>
    private static float WriteFloat16(float value, Span<byte> target)
    {
        var rounded = (Half)value;
        BinaryPrimitives.WriteHalfLittleEndian(target, rounded);
        return (float)rounded;
    }
}
