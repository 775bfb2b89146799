using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes.Cpu;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>Rows stored as numbers.</summary>
/// <typeparam name="T">What they hold.</typeparam>
internal readonly unsafe struct DenseRows<T>(DenseWeight weight) : IWeightRows where T : unmanaged, IElement<T>
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

        for (; i < _columns; i += Row.Lanes)
            sum0 = Vector512.FusedMultiplyAdd(Row.Load(values + i, _columns - i), Vector512.Load(x + i), sum0);
        return Vectors.Sum(sum0 + sum1 + (sum2 + sum3));
    }

    public void AddDotProducts(int row, int first, int count, ArrangedVectors x, float* scratch, float* sums)
    {
        var values = _values + (long)row * _columns + first;
        for (var i = 0; i < count; i += Row.Lanes)
            Row.Load(values + i, count - i).Store(scratch + i);
        VectorProduct.Add(scratch, first, count, x, sums);
    }

    public void Arrange(float* x)
    {
    }
}
