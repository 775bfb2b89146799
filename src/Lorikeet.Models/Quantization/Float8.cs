using System.Runtime.CompilerServices;

namespace Lorikeet.Models.Quantization;

/// <summary>
/// 8-bit floating point E4M3: a sign, four bits of exponent, three of fraction, no infinity (arXiv 2209.05433; torch's
/// <c>float8_e4m3fn</c>). Numbers beyond the largest become the largest, as the hardware's conversion has it.
/// </summary>
internal static class Float8
{
    /// <summary>The largest number that it holds.</summary>
    public const float Largest = 448;

    /// <summary>
    /// What the largest magnitude of a row counts as at least, so that rows of zeros have a scale.
    /// </summary>
    public const float LeastMagnitude = 1e-30f;

    private const int DroppedBits = 20; // of float32's fraction
    private const uint NaN = 0x7f;
    private const uint Infinity = 0x7f800000;
    private const uint LeastNormal = 0x3c800000; // 2^-6
    private const uint BiasDifference = 120 << 3;
    private const float SubnormalEnd = 16384; // a float32 of this magnitude ends where an E4M3 subnormal does: 2^-9

    /// <summary>The number that each code stands for.</summary>
    public static float[] Values { get; } = [.. Enumerable.Range(0, 256).Select(code => Decode((byte)code))];

    /// <summary>The code of the nearest number, ties to even.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte Encode(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        var (sign, magnitude) = ((bits >> 24) & 0x80, bits & 0x7fffffff);
        if (magnitude >= BitConverter.SingleToUInt32Bits(Largest))
            return (byte)(sign | (magnitude > Infinity ? NaN : NaN - 1));
        if (magnitude < LeastNormal)
        {
            var shifted = BitConverter.UInt32BitsToSingle(magnitude) + SubnormalEnd; // the addition rounds
            return (byte)(
                sign | (BitConverter.SingleToUInt32Bits(shifted) - BitConverter.SingleToUInt32Bits(SubnormalEnd)));
        }

        var odd = (magnitude >> DroppedBits) & 1;
        return (byte)(sign | (((magnitude + ((1u << (DroppedBits - 1)) - 1) + odd) >> DroppedBits) - BiasDifference));
    }

    private static float Decode(byte code)
    {
        var (exponent, fraction) = ((code >> 3) & 15, code & 7);
        var magnitude = (code & NaN) == NaN ? float.NaN
            : exponent == 0 ? MathF.ScaleB(fraction, -9)
            : MathF.ScaleB(8 + fraction, exponent - 10);
        return code >= 0x80 ? -magnitude : magnitude;
    }
}
