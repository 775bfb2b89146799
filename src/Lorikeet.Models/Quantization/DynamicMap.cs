using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Models.Quantization;

/// <summary>
/// The 256 values of the dynamic 8-bit type (arXiv 1511.04561): an exponent of zero to six leading zero bits, the rest
/// fraction. Signed for scales and first moments, unsigned for second moments.
/// </summary>
internal static unsafe class DynamicMap
{
    private const int ExponentBits = 7;

    public static float[] Signed { get; } = Create(signed: true);

    public static float[] Unsigned { get; } = Create(signed: false);

    private static float[] SignedThresholds { get; } = Thresholds(Signed);

    /// <summary>The code of a value in [-1, 1].</summary>
    /// <remarks>
    /// The reference's search step by step (csrc dQuantize): seven steps, then the nearer of two neighbours, where a
    /// value half-way stays at the pivot. A plain nearest-value search differs on ties.
    /// </remarks>
    public static byte Encode(float[] map, float value)
    {
        var pivot = 127;
        var (lower, upper) = (0, 255);
        for (var step = 64; step > 0; step >>= 1)
        {
            if (value > map[pivot])
            {
                lower = pivot;
                pivot += step;
            }
            else
            {
                upper = pivot;
                pivot -= step;
            }
        }

        if (value > map[pivot])
            return (byte)(value > (map[upper] + map[pivot]) * 0.5f ? upper : pivot);
        return (byte)(value < (map[lower] + map[pivot]) * 0.5f ? lower : pivot);
    }

    /// <summary>
    /// Codes of many values in [-1, 1] by <see cref="Signed"/>: eight searches at once among the thresholds.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void EncodeSigned(ReadOnlySpan<float> values, Span<byte> codes)
    {
        var done = 0;
        if (Avx2.IsSupported)
        {
            fixed (float* thresholds = SignedThresholds)
            {
                for (; done <= values.Length - Vector256<float>.Count; done += Vector256<float>.Count)
                {
                    var eight = Vector256.Create(values[done..]);
                    var found = Vector256<int>.Zero;
                    for (var step = 128; step > 0; step >>= 1)
                    {
                        var middle = Avx2.GatherVector256(
                            thresholds, found + Vector256.Create(step - 1), sizeof(float));
                        found += Vector256.GreaterThan(eight, middle).AsInt32() & Vector256.Create(step);
                    }

                    var narrow = Vector128.Narrow(found.GetLower(), found.GetUpper()).AsUInt16();
                    BinaryPrimitives.WriteUInt64LittleEndian(
                        codes[done..], Vector128.Narrow(narrow, narrow).AsUInt64()[0]);
                }
            }
        }

        for (; done < values.Length; done++)
            codes[done] = Encode(Signed, values[done]);
    }

    /// <summary>
    /// The 255 thresholds between neighbouring codes: a value above threshold i has a code above i. The search above
    /// ends on an even code and leaves ties there, so a threshold above an odd code is a bit lower than half-way.
    /// </summary>
    public static float[] Thresholds(float[] map) => [.. Enumerable.Range(0, map.Length - 1).Select(code =>
    {
        var middle = (map[code + 1] + map[code]) * 0.5f;
        return code % 2 == 0 ? middle : MathF.BitDecrement(middle);
    })];

    /// <summary>The table as functional.py create_dynamic_map makes it, in float32 throughout.</summary>
    private static float[] Create(bool signed)
    {
        var values = new List<float> { 0, 1 };
        for (var exponent = 0; exponent < ExponentBits; exponent++)
        {
            var thresholds = LinearSpace(0.1f, 1, (signed ? 1 << exponent : 2 << exponent) + 1);
            var factor = (float)Math.Pow(10, exponent - ExponentBits + 1);
            for (var i = 0; i + 1 < thresholds.Length; i++)
            {
                var value = factor * ((thresholds[i] + thresholds[i + 1]) / 2);
                values.Add(value);
                if (signed)
                    values.Add(-value);
            }
        }

        values.Sort();
        return [.. values];
    }

    /// <summary>torch.linspace: from both ends to the middle, each point with one rounding.</summary>
    private static float[] LinearSpace(float start, float end, int count)
    {
        var step = (end - start) / (count - 1);
        return [.. Enumerable.Range(0, count).Select(i => i < count / 2
            ? MathF.FusedMultiplyAdd(step, i, start)
            : MathF.FusedMultiplyAdd(-step, count - i - 1, end))];
    }
}
