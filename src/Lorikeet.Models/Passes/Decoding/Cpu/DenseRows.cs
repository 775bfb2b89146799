using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes.Cpu;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>Rows stored as numbers.</summary>
/// <typeparam name="T">What they hold.</typeparam>
internal readonly unsafe struct DenseRows<T>(DenseWeight weight) : IWeightRows
    where T : unmanaged, IElement<T>
{
    private readonly T* _values = (T*)TensorMemory.Pointer(weight.Value);
    private readonly int _columns = (int)weight.Columns;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public float Dot(int row, float* x)
    {
        var values = _values + (long)row * _columns;
        var (sum0, sum1) = (Vector512<float>.Zero, Vector512<float>.Zero);
        var (sum2, sum3) = (Vector512<float>.Zero, Vector512<float>.Zero);
        var i = 0;
        for (; i <= _columns - 4 * Row.Lanes; i += 4 * Row.Lanes)
        {
            sum0 = Vector512.FusedMultiplyAdd(T.Load(values + i), Vector512.Load(x + i), sum0);
            sum1 = Vector512.FusedMultiplyAdd(T.Load(values + i + Row.Lanes), Vector512.Load(x + i + Row.Lanes), sum1);
            sum2 = Vector512.FusedMultiplyAdd(
                T.Load(values + i + 2 * Row.Lanes), Vector512.Load(x + i + 2 * Row.Lanes), sum2);
            sum3 = Vector512.FusedMultiplyAdd(
                T.Load(values + i + 3 * Row.Lanes), Vector512.Load(x + i + 3 * Row.Lanes), sum3);
        }

        for (; i <= _columns - Row.Lanes; i += Row.Lanes)
            sum0 = Vector512.FusedMultiplyAdd(T.Load(values + i), Vector512.Load(x + i), sum0);
        return Vectors.Sum(sum0 + sum1 + (sum2 + sum3)) + End(row, i, x);
    }

    /// <summary>All columns: rows are multiplied as they lie in memory.</summary>
    public static int Segment => int.MaxValue;

    public void AddDotProducts(int row, int rows, int first, int count, ArrangedVectors x, float* sums)
    {
        var whole = count / Row.Lanes * Row.Lanes;
        var i = 0;
        for (; i <= rows - VectorProduct.Rows; i += VectorProduct.Rows)
            for (var index = 0; index < x.Count; index += ArrangedVectors.Together)
                VectorProduct.AddSquare(
                    _values + (long)(row + i) * _columns, _columns, whole, x[index], x.Pitch,
                    sums + index * Row.Lanes + i, Row.Lanes);
        if (i == rows && whole == count)
            return;
        for (var index = 0; index < x.Count; index++)
            for (var j = 0; j < rows; j++)
                sums[index * Row.Lanes + j] += j < i ? End(row + j, whole, x[index]) : Dot(row + j, x[index]);
    }

    public void Arrange(float* x)
    {
    }

    /// <summary>The dot product of the columns that do not fill a vector.</summary>
    private float End(int row, int first, float* x) => first == _columns
        ? 0
        : Vectors.Sum(Row.Load(_values + (long)row * _columns + first, _columns - first) * Vector512.Load(x + first));
}
