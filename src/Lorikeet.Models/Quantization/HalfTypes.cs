using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Lorikeet.Models.Quantization;

/// <summary>bfloat16 as the bits it is stored in: the upper half of a float32.</summary>
internal static unsafe class BFloat16
{
    /// <summary>Rounds to the nearest, ties to even, as torch and CUDA do.</summary>
    public static ushort Round(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? (ushort)0x7fc0 : (ushort)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
    }

    /// <summary>Rounds eight numbers, none of them NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ushort> Round(Vector256<float> values)
    {
        var bits = values.AsUInt32();
        var rounded = (bits + Vector256.Create(0x7fffu) + ((bits >> 16) & Vector256<uint>.One)) >> 16;
        return Vector256.Narrow(rounded, rounded).GetLower();
    }

    /// <summary>The numbers that eight patterns of bits stand for.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Widen(Vector128<ushort> bits) =>
        (Vector256.Create(Vector128.WidenLower(bits), Vector128.WidenUpper(bits)) << 16).AsSingle();

    /// <summary>
    /// The numbers that patterns of bits stand for; these may be the last bytes of <paramref name="target"/>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Widen(ushort* source, int count, float* target)
    {
        var i = 0;
        for (; i <= count - Vector256<float>.Count; i += Vector256<float>.Count)
            Widen(Vector128.Load(source + i)).Store(target + i);
        for (; i < count; i++)
            target[i] = BitConverter.UInt32BitsToSingle((uint)source[i] << 16);
    }

    /// <summary>Rounds numbers, which stay float32; NaN stays NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void RoundInPlace(float* values, int count)
    {
        var i = 0;
        for (; i <= count - Vector256<float>.Count; i += Vector256<float>.Count)
        {
            var given = Vector256.Load(values + i);
            Vector256.ConditionalSelect(Vector256.IsNaN(given), given, Widen(Round(given))).Store(values + i);
        }

        for (; i < count; i++)
            values[i] = BitConverter.UInt32BitsToSingle((uint)Round(values[i]) << 16);
    }
}

/// <summary>IEEE half precision as the bits it is stored in.</summary>
internal static unsafe class HalfPrecision
{
    private const int DroppedBits = 13; // of float32's significand
    private const uint Infinity = 0x7f800000;
    private const uint LeastInfinity = 0x47800000; // 2^16
    private const uint LeastNormal = 0x38800000; // 2^-14

    /// <summary>Rounds eight numbers to the nearest, ties to even.</summary>
    public static Vector128<ushort> Round(Vector256<float> values)
    {
        var bits = values.AsUInt32();
        var sign = bits & Vector256.Create(0x80000000);
        var magnitude = bits ^ sign;

        // Added to 2^-1, a subnormal half ends where float32's significand does: the addition rounds it.
        var half = Vector256.Create(0.5f);
        var subnormal = (magnitude.AsSingle() + half).AsUInt32() - half.AsUInt32();
        var odd = (magnitude >> DroppedBits) & Vector256<uint>.One;
        var normal =
            (magnitude - Vector256.Create(112u << 23) + Vector256.Create((1u << (DroppedBits - 1)) - 1)
                + odd) >> DroppedBits;
        var special = Vector256.ConditionalSelect(
            Vector256.GreaterThan(magnitude, Vector256.Create(Infinity)), Vector256.Create(0x7e00u),
            Vector256.Create(0x7c00u));
        var result = Vector256.ConditionalSelect(
            Vector256.LessThan(magnitude, Vector256.Create(LeastNormal)), subnormal,
            Vector256.ConditionalSelect(
                Vector256.LessThan(magnitude, Vector256.Create(LeastInfinity)), normal, special));
        result |= sign >> 16;
        return Vector256.Narrow(result, result).GetLower();
    }

    /// <summary>The numbers that eight patterns of bits stand for.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Widen(Vector128<ushort> bits)
    {
        var wide = Vector256.Create(Vector128.WidenLower(bits), Vector128.WidenUpper(bits));
        var magnitude = (wide & Vector256.Create(0x7fffu)) << DroppedBits;

        // The exponents' biases differ by 112; the product also makes subnormal halves normal.
        var scaled = (magnitude.AsSingle() * Vector256.Create(239u << 23).AsSingle()).AsUInt32();
        var special =
            Vector256.GreaterThanOrEqual(magnitude, Vector256.Create(0x7c00u << DroppedBits)) & Vector256.Create(
                Infinity);
        return (scaled | special | ((wide & Vector256.Create(0x8000u)) << 16)).AsSingle();
    }

    /// <inheritdoc cref="BFloat16.Widen(ushort*, int, float*)"/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Widen(ushort* source, int count, float* target)
    {
        var i = 0;
        for (; i <= count - Vector256<float>.Count; i += Vector256<float>.Count)
            Widen(Vector128.Load(source + i)).Store(target + i);
        for (; i < count; i++)
            target[i] = (float)BitConverter.UInt16BitsToHalf(source[i]);
    }

    /// <inheritdoc cref="BFloat16.RoundInPlace"/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void RoundInPlace(float* values, int count)
    {
        var i = 0;
        for (; i <= count - Vector256<float>.Count; i += Vector256<float>.Count)
            Widen(Round(Vector256.Load(values + i))).Store(values + i);
        for (; i < count; i++)
            values[i] = (float)(Half)values[i];
    }
}
