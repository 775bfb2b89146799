using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes.Cpu;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>
/// Rows of 4-bit codes that begin within a block, or even within a byte, as widths of small models bring about.
/// </summary>
/// <typeparam name="TElement">The type of the numbers that were quantized.</typeparam>
internal readonly unsafe struct ScatteredRows<TElement>(FourBitWeight weight) : IWeightRows, IDecodedRows
    where TElement : struct, IRounding
{
    private readonly byte* _codes = TensorMemory.Pointer(weight.Packed);
    private readonly ScaleRows _scales = new(weight.Scales);
    private readonly Vector512<float> _values = Vector512.Create(weight.Values);
    private readonly int _columns = (int)weight.Columns;
    private readonly int _blockShift = int.Log2(weight.BlockSize);

    [SkipLocalsInit]
    public float Dot(int row, float* x)
    {
        var numbers = stackalloc float[VectorProduct.Segment];
        var sum = 0f;
        for (var first = 0; first < _columns; first += VectorProduct.Segment)
        {
            var count = Math.Min(VectorProduct.Segment, _columns - first);
            Decode(row, first, count, numbers);
            sum += VectorProduct.Dot(numbers, x + first, count);
        }

        return sum;
    }

    public static int Segment => VectorProduct.Segment;

    public void AddDotProducts(int row, int rows, int first, int count, ArrangedVectors x, float* sums)
    {
        var own = this;
        VectorProduct.Add(ref own, row, rows, first, count, x, sums);
    }

    public void Arrange(float* x)
    {
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Decode(int row, int first, int count, float* target)
    {
        var table = stackalloc float[16];
        var (index, known) = ((long)row * _columns + first, -1L);
        for (var i = 0; i < count; i++, index++)
        {
            var block = index >> _blockShift;
            if (block != known)
            {
                TElement.Round(_values * _scales[block]).Store(table);
                known = block;
            }

            target[i] = table[(_codes[index / 2] >> (index % 2 == 0 ? 4 : 0)) & 15];
        }

        for (var i = count; i % Row.Lanes != 0; i++)
            target[i] = 0;
    }
}
