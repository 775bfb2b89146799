using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lorikeet.Models.Passes.Cpu;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>
/// Dot products of decoded columns with vectors; both are padded with zeros to whole vectors of the CPU.
/// </summary>
internal static unsafe class VectorProduct
{
    /// <summary>⟨row, x⟩.</summary>
    /// <param name="row">[count], decoded.</param>
    /// <param name="x">[count].</param>
    /// <param name="count">
    /// A multiple of 16; what pads both is zero. Two sums, so that one addition need not wait for the other.
    /// </param>
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

    /// <summary>
    /// sums[j] += ⟨row, x[j] from <paramref name="first"/> on⟩ for several vectors, four at a time: each column of the
    /// row is read once.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add(float* row, int first, int count, ArrangedVectors x, float* sums)
    {
        for (var index = 0; index < x.Count; index += ArrangedVectors.Together,
            sums += ArrangedVectors.Together * Row.Lanes)
        {
            float* x0 = x[index] + first, x1 = x0 + x.Pitch, x2 = x1 + x.Pitch, x3 = x2 + x.Pitch;
            var (sum0, sum1) = (Vector512<float>.Zero, Vector512<float>.Zero);
            var (sum2, sum3) = (Vector512<float>.Zero, Vector512<float>.Zero);
            for (var i = 0; i < count; i += Row.Lanes)
            {
                var values = Vector512.Load(row + i);
                sum0 = Vector512.FusedMultiplyAdd(values, Vector512.Load(x0 + i), sum0);
                sum1 = Vector512.FusedMultiplyAdd(values, Vector512.Load(x1 + i), sum1);
                sum2 = Vector512.FusedMultiplyAdd(values, Vector512.Load(x2 + i), sum2);
                sum3 = Vector512.FusedMultiplyAdd(values, Vector512.Load(x3 + i), sum3);
            }

            sums[0] += Vectors.Sum(sum0);
            sums[Row.Lanes] += Vectors.Sum(sum1);
            sums[2 * Row.Lanes] += Vectors.Sum(sum2);
            sums[3 * Row.Lanes] += Vectors.Sum(sum3);
        }
    }
}
