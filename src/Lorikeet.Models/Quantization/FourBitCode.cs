using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Models.Quantization;

/// <summary>A 4-bit code: the value each of the sixteen codes stands for, and the code nearest to a value.</summary>
/// <remarks>
/// Tables and comparisons are those of bitsandbytes (functional.py get_4bit_type, csrc dQuantizeNF4 and dQuantizeFP4).
/// A value on the threshold between two codes gets the lower one, and NaN, which comes from a block of zeros, gets code
/// 0.
/// </remarks>
internal interface IFourBitCode
{
    /// <summary>The sixteen values, in [-1, 1].</summary>
    static abstract ReadOnlySpan<float> Values { get; }

    /// <summary>Codes of eight values in [-1, 1].</summary>
    static abstract Vector256<int> Encode(Vector256<float> values);
}

/// <summary>NF4: the quantiles of a normal distribution (QLoRA, arXiv 2305.14314, appendix E).</summary>
internal readonly struct NormalFloat4 : IFourBitCode
{
    public static ReadOnlySpan<float> Values =>
    [
        -1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f,
        -0.18477343022823334f, -0.09105003625154495f, 0.0f, 0.07958029955625534f, 0.16093020141124725f,
        0.24611230194568634f, 0.33791524171829224f, 0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f,
        1.0f,
    ];

    /// <summary>Midpoints between neighbouring values, as the reference spells them.</summary>
    public static ReadOnlySpan<float> Thresholds =>
    [
        -0.8480964004993439f, -0.6106329262256622f, -0.4599952697753906f, -0.33967943489551544f, -0.23460740596055984f,
        -0.13791173323988914f, -0.045525018125772476f, 0.03979014977812767f, 0.1202552504837513f, 0.2035212516784668f,
        0.2920137718319893f, 0.3893125355243683f, 0.5016634166240692f, 0.6427869200706482f, 0.8614784181118011f,
    ];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Encode(Vector256<float> values)
    {
        if (!Avx2.IsSupported)
            return ThresholdSearch.Count(values, Thresholds);
        var codes = ThresholdSearch.Next(Vector256<int>.Zero, values, Vector256.Create(Thresholds[7]));
        codes = ThresholdSearch.Next(codes, values, Vector256.Create(Thresholds[3], Thresholds[11], 0, 0, 0, 0, 0, 0));
        codes = ThresholdSearch.Next(
            codes, values, Vector256.Create(Thresholds[1], Thresholds[5], Thresholds[9], Thresholds[13], 0, 0, 0, 0));
        return ThresholdSearch.Next(codes, values, Vector256.Create(
            Thresholds[0], Thresholds[2], Thresholds[4], Thresholds[6], Thresholds[8], Thresholds[10], Thresholds[12],
            Thresholds[14]));
    }
}

/// <summary>FP4: a sign, two bits of exponent and one of fraction, scaled so that the largest is 1.</summary>
internal readonly struct Float4 : IFourBitCode
{
    public static ReadOnlySpan<float> Values =>
    [
        0, 0.0625f / 12, 8f / 12, 12f / 12, 4f / 12, 6f / 12, 2f / 12, 3f / 12,
        -0f, -0.0625f / 12, -8f / 12, -12f / 12, -4f / 12, -6f / 12, -2f / 12, -3f / 12,
    ];

    /// <summary>Thresholds between neighbouring magnitudes, as the reference rounds them.</summary>
    public static ReadOnlySpan<float> Thresholds =>
        [0.00260417f, 0.0859375f, 0.20833333f, 0.29166667f, 0.4166667f, 0.583333f, 0.8333333f];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Encode(Vector256<float> values)
    {
        var ranks = Rank(Vector256.Abs(values));

        // From the rank of the magnitude 0 1 2 3 4 5 6 7 to its code 0 1 6 7 4 5 2 3: pairs run backwards.
        var pairs = (Vector256.Create(4) - (ranks >> 1)) & Vector256.Create(3);
        var signs = Vector256.LessThan(values, Vector256<float>.Zero).AsInt32() & Vector256.Create(8);
        return (pairs << 1) | (ranks & Vector256<int>.One) | signs;
    }

    /// <summary>How many thresholds lie below each of eight magnitudes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Rank(Vector256<float> magnitudes)
    {
        if (!Avx2.IsSupported)
            return ThresholdSearch.Count(magnitudes, Thresholds);
        var ranks = ThresholdSearch.Next(Vector256<int>.Zero, magnitudes, Vector256.Create(Thresholds[3]));
        ranks = ThresholdSearch.Next(
            ranks, magnitudes, Vector256.Create(Thresholds[1], Thresholds[5], 0, 0, 0, 0, 0, 0));
        return ThresholdSearch.Next(
            ranks, magnitudes,
            Vector256.Create(Thresholds[0], Thresholds[2], Thresholds[4], Thresholds[6], 0, 0, 0, 0));
    }
}

/// <summary>How many of some ascending thresholds lie below each of eight values; NaN exceeds none.</summary>
internal static class ThresholdSearch
{
    /// <summary>By comparing with all of them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Count(Vector256<float> values, ReadOnlySpan<float> thresholds)
    {
        var below = Vector256<int>.Zero;
        foreach (var threshold in thresholds)
            below -= Vector256.GreaterThan(values, Vector256.Create(threshold)).AsInt32(); // a true lane is -1
        return below;
    }

    /// <summary>
    /// One step of a binary search: appends a bit to each count. Needs AVX2.
    /// </summary>
    /// <param name="known">The upper bits, so far.</param>
    /// <param name="values">The values.</param>
    /// <param name="thresholds">
    /// For each of the numbers that the upper bits can be, the threshold that decides the next one.
    /// </param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Next(Vector256<int> known, Vector256<float> values, Vector256<float> thresholds) =>
        (known << 1) - Vector256.GreaterThan(values, Avx2.PermuteVar8x32(thresholds, known)).AsInt32();
}
