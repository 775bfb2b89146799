using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Lorikeet.Quantization;

/// <summary>bfloat16 as the bits it is stored in: the upper half of a float32.</summary>
internal static class BFloat16
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
}

/// <summary>IEEE half precision as the bits it is stored in.</summary>
internal static class HalfPrecision
{
    /// <summary>Rounds eight numbers to the nearest, ties to even.</summary>
    public static Vector128<ushort> Round(Vector256<float> values)
    {
        var bits = Vector128<ushort>.Zero;
        for (var i = 0; i < Vector256<float>.Count; i++)
            bits = bits.WithElement(i, BitConverter.HalfToUInt16Bits((Half)values[i]));
        return bits;
    }

    /// <summary>The numbers that eight patterns of bits stand for.</summary>
    public static Vector256<float> Widen(Vector128<ushort> bits)
    {
        var values = Vector256<float>.Zero;
        for (var i = 0; i < Vector256<float>.Count; i++)
            values = values.WithElement(i, (float)BitConverter.UInt16BitsToHalf(bits[i]));
        return values;
    }
}
