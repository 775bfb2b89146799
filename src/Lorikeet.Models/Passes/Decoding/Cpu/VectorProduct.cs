using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lorikeet.Models.Passes.Cpu;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>
/// Dot products of decoded columns with vectors; both are padded with zeros to whole vectors of the CPU.
/// </summary>
internal static unsafe class VectorProduct
{
    /// <summary>Rows of a weight that are multiplied at once.</summary>
    public const int Rows = 4;

    /// <summary>Columns that are decoded at once.</summary>
    public const int Segment = 1024;

    /// <summary>From one decoded row to the next: rows 4 KB apart would fall on the same lines of the cache.</summary>
    private const int Pitch = Segment + 2 * Row.Lanes;

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

    /// <summary>Adds the dot products of some columns of some rows, four decoded at a time, and vectors.</summary>
    /// <typeparam name="TRows">How the rows are stored.</typeparam>
    [SkipLocalsInit]
    public static void Add<TRows>(
        ref TRows weight, int row, int rows, int first, int count, ArrangedVectors x, float* sums)
        where TRows : struct, IDecodedRows
    {
        var room = stackalloc float[Rows * Pitch + Row.Lanes];
        var decoded = Vectors.Align(room);
        for (var i = 0; i < rows; i += Rows)
        {
            for (var j = 0; j < Math.Min(Rows, rows - i); j++)
                weight.Decode(row + i + j, first, count, decoded + j * Pitch);
            for (var index = 0; index < x.Count; index += ArrangedVectors.Together)
                AddSquare(
                    (FloatElement*)decoded, Pitch, count, x[index] + first, x.Pitch, sums + index * Row.Lanes + i,
                    Row.Lanes);
        }
    }

    /// <summary>Adds the dot products of four rows and four vectors.</summary>
    /// <typeparam name="T">What the rows hold.</typeparam>
    /// <param name="row0">The first row.</param>
    /// <param name="rowPitch">From one row to the next.</param>
    /// <param name="count">Columns, whole vectors of the CPU.</param>
    /// <param name="x0">The first vector.</param>
    /// <param name="pitch">From one vector to the next.</param>
    /// <param name="sums">Four for the first vector.</param>
    /// <param name="sumPitch">From there to those of the next.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddSquare<T>(
        T* row0, long rowPitch, int count, float* x0, int pitch, float* sums, int sumPitch)
        where T : unmanaged, IElement<T>
    {
        T* row1 = row0 + rowPitch, row2 = row1 + rowPitch, row3 = row2 + rowPitch;
        float* x1 = x0 + pitch, x2 = x1 + pitch, x3 = x2 + pitch;
        Vector512<float> s00 = default, s01 = default, s02 = default, s03 = default;
        Vector512<float> s10 = default, s11 = default, s12 = default, s13 = default;
        Vector512<float> s20 = default, s21 = default, s22 = default, s23 = default;
        Vector512<float> s30 = default, s31 = default, s32 = default, s33 = default;
        for (var i = 0; i < count; i += Row.Lanes)
        {
            var (a0, a1, a2, a3) = (T.Load(row0 + i), T.Load(row1 + i), T.Load(row2 + i), T.Load(row3 + i));
            var v = Vector512.Load(x0 + i);
            s00 = Vector512.FusedMultiplyAdd(a0, v, s00);
            s01 = Vector512.FusedMultiplyAdd(a1, v, s01);
            s02 = Vector512.FusedMultiplyAdd(a2, v, s02);
            s03 = Vector512.FusedMultiplyAdd(a3, v, s03);
            v = Vector512.Load(x1 + i);
            s10 = Vector512.FusedMultiplyAdd(a0, v, s10);
            s11 = Vector512.FusedMultiplyAdd(a1, v, s11);
            s12 = Vector512.FusedMultiplyAdd(a2, v, s12);
            s13 = Vector512.FusedMultiplyAdd(a3, v, s13);
            v = Vector512.Load(x2 + i);
            s20 = Vector512.FusedMultiplyAdd(a0, v, s20);
            s21 = Vector512.FusedMultiplyAdd(a1, v, s21);
            s22 = Vector512.FusedMultiplyAdd(a2, v, s22);
            s23 = Vector512.FusedMultiplyAdd(a3, v, s23);
            v = Vector512.Load(x3 + i);
            s30 = Vector512.FusedMultiplyAdd(a0, v, s30);
            s31 = Vector512.FusedMultiplyAdd(a1, v, s31);
            s32 = Vector512.FusedMultiplyAdd(a2, v, s32);
            s33 = Vector512.FusedMultiplyAdd(a3, v, s33);
        }

        Vectors.AddSums(s00, s01, s02, s03, sums);
        Vectors.AddSums(s10, s11, s12, s13, sums + sumPitch);
        Vectors.AddSums(s20, s21, s22, s23, sums + 2 * sumPitch);
        Vectors.AddSums(s30, s31, s32, s33, sums + 3 * sumPitch);
    }

    /// <summary>Adds the dot products of four rows and two vectors.</summary>
    /// <typeparam name="T">What the rows hold.</typeparam>
    /// <param name="row0">The first row.</param>
    /// <param name="rowPitch">From one row to the next.</param>
    /// <param name="count">Columns, whole vectors of the CPU.</param>
    /// <param name="x0">The first vector.</param>
    /// <param name="pitch">From one vector to the next.</param>
    /// <param name="sums">Four for the first vector.</param>
    /// <param name="sumPitch">From there to those of the next.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void AddPair<T>(
        T* row0, long rowPitch, int count, float* x0, int pitch, float* sums, int sumPitch)
        where T : unmanaged, IElement<T>
    {
        T* row1 = row0 + rowPitch, row2 = row1 + rowPitch, row3 = row2 + rowPitch;
        var x1 = x0 + pitch;
        Vector512<float> s00 = default, s01 = default, s02 = default, s03 = default;
        Vector512<float> s10 = default, s11 = default, s12 = default, s13 = default;
        for (var i = 0; i < count; i += Row.Lanes)
        {
            var (a0, a1, a2, a3) = (T.Load(row0 + i), T.Load(row1 + i), T.Load(row2 + i), T.Load(row3 + i));
            var v = Vector512.Load(x0 + i);
            s00 = Vector512.FusedMultiplyAdd(a0, v, s00);
            s01 = Vector512.FusedMultiplyAdd(a1, v, s01);
            s02 = Vector512.FusedMultiplyAdd(a2, v, s02);
            s03 = Vector512.FusedMultiplyAdd(a3, v, s03);
            v = Vector512.Load(x1 + i);
            s10 = Vector512.FusedMultiplyAdd(a0, v, s10);
            s11 = Vector512.FusedMultiplyAdd(a1, v, s11);
            s12 = Vector512.FusedMultiplyAdd(a2, v, s12);
            s13 = Vector512.FusedMultiplyAdd(a3, v, s13);
        }

        Vectors.AddSums(s00, s01, s02, s03, sums);
        Vectors.AddSums(s10, s11, s12, s13, sums + sumPitch);
    }
}
