using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lorikeet.Models.Passes.Cpu;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>Codes are looked up one by one, in memory; only the multiplications use vector instructions.</summary>
internal readonly unsafe struct PortableCodes : ICodeRows
{
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Dot<T>(byte* codes, UnitScales scales, int units, Vector512<float> values, float* x)
        where T : struct, IRounding
    {
        float* table = stackalloc float[16], numbers = stackalloc float[FourBitCodes.Unit];
        var sum = Vector512<float>.Zero;
        for (var i = 0; i < units; i++, codes += FourBitCodes.Unit / 2, x += FourBitCodes.Unit)
        {
            T.Round(values * scales[i]).Store(table);
            LookUp(table, codes, numbers);
            for (var j = 0; j < FourBitCodes.Unit; j += Row.Lanes)
                sum = Vector512.FusedMultiplyAdd(Vector512.Load(numbers + j), Vector512.Load(x + j), sum);
        }

        return Vectors.Sum(sum);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Decode<T>(byte* codes, UnitScales scales, int units, Vector512<float> values, float* target)
        where T : struct, IRounding
    {
        var table = stackalloc float[16];
        for (var i = 0; i < units; i++, codes += FourBitCodes.Unit / 2, target += FourBitCodes.Unit)
        {
            T.Round(values * scales[i]).Store(table);
            LookUp(table, codes, target);
        }
    }

    public static void Arrange(float* x)
    {
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LookUp(float* table, byte* codes, float* target)
    {
        for (var i = 0; i < FourBitCodes.Unit / 2; i++)
        {
            target[2 * i] = table[codes[i] >> 4];
            target[2 * i + 1] = table[codes[i] & 15];
        }
    }
}
