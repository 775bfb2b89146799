using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Lorikeet.Models.Passes.Cpu;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>Two permutations look up eight codes in each half of the table; their highest bit chooses.</summary>
internal readonly unsafe struct Avx2Codes : ICodeRows
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Dot<T>(byte* codes, UnitScales scales, int units, Vector512<float> values, float* x)
        where T : struct, IRounding
    {
        var (sum0, sum1) = (Vector256<float>.Zero, Vector256<float>.Zero);
        for (var i = 0; i < units; i++, codes += FourBitCodes.Unit / 2, x += FourBitCodes.Unit)
        {
            var table = T.Round(values * scales[i]);
            var (low, high) = (table.GetLower(), table.GetUpper());
            var words = Vector256.Load((uint*)codes);
            for (var step = 0; step < 4; step++, words >>>= 4)
            {
                sum0 = Fma.MultiplyAdd(LookUp(low, high, words), Vector256.Load(x + step * 16), sum0);
                sum1 = Fma.MultiplyAdd(LookUp(low, high, words >>> 16), Vector256.Load(x + step * 16 + 8), sum1);
            }
        }

        return Vector256.Sum(sum0 + sum1);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Decode<T>(byte* codes, UnitScales scales, int units, Vector512<float> values, float* target)
        where T : struct, IRounding
    {
        for (var i = 0; i < units; i++, codes += FourBitCodes.Unit / 2)
        {
            var table = T.Round(values * scales[i]);
            var (low, high) = (table.GetLower(), table.GetUpper());
            var words = Vector256.Load((uint*)codes);
            for (var step = 0; step < 4; step++, words >>>= 4, target += 16)
            {
                LookUp(low, high, words).Store(target);
                LookUp(low, high, words >>> 16).Store(target + 8);
            }
        }
    }

    public static void Arrange(float* x) => FourBitCodes.Arrange(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> LookUp(Vector256<float> low, Vector256<float> high, Vector256<uint> codes)
    {
        var indices = codes.AsInt32();
        return Avx.BlendVariable(
            Avx2.PermuteVar8x32(low, indices), Avx2.PermuteVar8x32(high, indices), (indices << 28).AsSingle());
    }
}
