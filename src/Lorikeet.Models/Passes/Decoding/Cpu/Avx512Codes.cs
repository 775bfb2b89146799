using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Lorikeet.Models.Passes.Cpu;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>One permutation looks up sixteen codes.</summary>
internal readonly unsafe struct Avx512Codes : ICodeRows
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Dot<T>(byte* codes, UnitScales scales, int units, Vector512<float> values, float* x)
        where T : struct, IRounding
    {
        var (sum0, sum1) = (Vector512<float>.Zero, Vector512<float>.Zero);
        var (sum2, sum3) = (Vector512<float>.Zero, Vector512<float>.Zero);
        var halves = Halves();
        for (var i = 0; i < units; i++, codes += FourBitCodes.Unit / 2, x += FourBitCodes.Unit)
        {
            var table = T.Round(values * scales[i]);
            var words = Words(codes, halves);
            sum0 = Vector512.FusedMultiplyAdd(LookUp(table, words), Vector512.Load(x), sum0);
            sum1 = Vector512.FusedMultiplyAdd(LookUp(table, words >>> 4), Vector512.Load(x + 16), sum1);
            sum2 = Vector512.FusedMultiplyAdd(LookUp(table, words >>> 8), Vector512.Load(x + 32), sum2);
            sum3 = Vector512.FusedMultiplyAdd(LookUp(table, words >>> 12), Vector512.Load(x + 48), sum3);
        }

        return Vectors.Sum(sum0 + sum1 + (sum2 + sum3));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Decode<T>(byte* codes, UnitScales scales, int units, Vector512<float> values, float* target)
        where T : struct, IRounding
    {
        var halves = Halves();
        for (var i = 0; i < units; i++, codes += FourBitCodes.Unit / 2, target += FourBitCodes.Unit)
        {
            var table = T.Round(values * scales[i]);
            var words = Words(codes, halves);
            LookUp(table, words).Store(target);
            LookUp(table, words >>> 4).Store(target + 16);
            LookUp(table, words >>> 8).Store(target + 32);
            LookUp(table, words >>> 12).Store(target + 48);
        }
    }

    public static void Arrange(float* x) => FourBitCodes.Arrange(x);

    /// <summary>
    /// How far words are shifted in the lower half and in the upper one; outside the loop, which else builds it anew.
    /// </summary>
    private static Vector512<uint> Halves() => Vector512.Create(Vector256<uint>.Zero, Vector256.Create(16u));

    /// <summary>The eight words, and once more from their fifth nibble on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Words(byte* codes, Vector512<uint> halves) => Avx512F.ShiftRightLogicalVariable(
        Avx512F.BroadcastVector256ToVector512((ulong*)codes).AsUInt32(), halves);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> LookUp(Vector512<float> table, Vector512<uint> codes) =>
        Avx512F.PermuteVar16x32(table, codes.AsInt32());
}
