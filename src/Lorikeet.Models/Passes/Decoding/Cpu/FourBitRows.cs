using System.Runtime.Intrinsics;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes.Cpu;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>
/// Rows of 4-bit codes whose blocks begin where rows do. A block's sixteen values are scaled and rounded once, as
/// <see cref="FourBitDequantizer"/> does, and then looked up: weights are the reference's to the last bit.
/// </summary>
/// <typeparam name="TCodes">The CPU's way of looking codes up.</typeparam>
/// <typeparam name="TElement">The type of the numbers that were quantized.</typeparam>
internal readonly unsafe struct FourBitRows<TCodes, TElement>(FourBitWeight weight) : IWeightRows, IDecodedRows
    where TCodes : struct, ICodeRows
    where TElement : struct, IRounding
{
    private readonly byte* _codes = TensorMemory.Pointer(weight.Packed);
    private readonly ScaleRows _scales = new(weight.Scales);
    private readonly Vector512<float> _values = Vector512.Create(weight.Values);
    private readonly int _columns = (int)weight.Columns;
    private readonly int _unitsShift = int.Log2(weight.BlockSize / FourBitCodes.Unit); // units of a block

    /// <summary>Whether a weight is laid out so.</summary>
    public static bool Fit(FourBitWeight weight) =>
        weight.Columns % FourBitCodes.Unit == 0 && weight.BlockSize >= FourBitCodes.Unit;

    public float Dot(int row, float* x) => TCodes.Dot<TElement>(
        Codes(row, 0), Scales(row, 0), _columns / FourBitCodes.Unit, _values, x);

    public static int Segment => VectorProduct.Segment;

    public void AddDotProducts(int row, int rows, int first, int count, ArrangedVectors x, float* sums)
    {
        var own = this;
        VectorProduct.Add(ref own, row, rows, first, count, x, sums);
    }

    /// <summary>Columns of a row, in the order of <see cref="Arrange"/>.</summary>
    public void Decode(int row, int first, int count, float* target) => TCodes.Decode<TElement>(
        Codes(row, first), Scales(row, first), count / FourBitCodes.Unit, _values, target);

    public void Arrange(float* x)
    {
        for (var i = 0; i < _columns; i += FourBitCodes.Unit)
            TCodes.Arrange(x + i);
    }

    private byte* Codes(int row, int column) => _codes + ((long)row * _columns + column) / 2;

    private UnitScales Scales(int row, int column) =>
        new(_scales, ((long)row * _columns + column) / FourBitCodes.Unit, _unitsShift);
}
