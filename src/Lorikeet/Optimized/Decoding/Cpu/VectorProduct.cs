using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lorikeet.Optimized.Cpu;

namespace Lorikeet.Optimized.Decoding.Cpu;

/// <summary>Products of decoded columns with vectors; both are padded with zeros to whole vectors.</summary>
internal static unsafe class VectorProduct
{
    /// <summary>Of one vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Dot(float* row, float* x, int count)
    {
        var (sum0, sum1) = (Vector512<float>.Zero, Vector512<float>.Zero);
        var i = 0;
        for (; i <= count - 2 * Row.Lanes; i += 2 * Row.Lanes)
        {
            sum0 = Vector512.FusedMultiplyAdd(Vector512.Load(row + i), Vector512.Load(x + i), sum0);
            sum1 = Vector512.FusedMultiplyAdd(
                Vector512.Load(row + i + Row.Lanes), Vector512.Load(x + i + Row.Lanes), sum1);
        }

        for (; i < count; i += Row.Lanes)
            sum0 = Vector512.FusedMultiplyAdd(Vector512.Load(row + i), Vector512.Load(x + i), sum0);
        return Vectors.Sum(sum0 + sum1);
    }

    /// <summary>Of four vectors, for which the row is loaded once; each product is added to what is there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddFour(float* row, float* x, int pitch, int count, float* sums, int sumPitch)
    {
        float* x1 = x + pitch, x2 = x1 + pitch, x3 = x2 + pitch;
        var (sum0, sum1) = (Vector512<float>.Zero, Vector512<float>.Zero);
        var (sum2, sum3) = (Vector512<float>.Zero, Vector512<float>.Zero);
        for (var i = 0; i < count; i += Row.Lanes)
        {
            var values = Vector512.Load(row + i);
            sum0 = Vector512.FusedMultiplyAdd(values, Vector512.Load(x + i), sum0);
            sum1 = Vector512.FusedMultiplyAdd(values, Vector512.Load(x1 + i), sum1);
            sum2 = Vector512.FusedMultiplyAdd(values, Vector512.Load(x2 + i), sum2);
            sum3 = Vector512.FusedMultiplyAdd(values, Vector512.Load(x3 + i), sum3);
        }

        sums[0] += Vectors.Sum(sum0);
        sums[sumPitch] += Vectors.Sum(sum1);
        sums[2 * sumPitch] += Vectors.Sum(sum2);
        sums[3 * sumPitch] += Vectors.Sum(sum3);
    }
}
