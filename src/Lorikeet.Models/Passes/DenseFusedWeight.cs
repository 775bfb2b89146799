using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>Weights that lie in memory as the GEMM wants them.</summary>
internal sealed class DenseFusedWeight : FusedWeight
{
    private readonly IReadOnlyList<AdapterBlock> _adapters;
    private readonly Matrix _joined;

    public DenseFusedWeight(IReadOnlyList<DenseWeight> parts, IReadOnlyList<AdapterBlock> adapters, Scratch scratch)
        : base(parts, adapters, scratch)
    {
        _adapters = adapters;
        _joined = parts.Count == 1 && Right + Below == 0 ? new Matrix(parts[0].Value.alias()) : Join(parts);
        var whole = _joined.Bordered ?? _joined;
        A = Below > 0 ? whole.RowRange(Rows, Below) : Zeros(Rank, Columns, scratch);
        var b = Right > 0 ? whole.ColumnRange(Columns, Right) : Zeros(Rows, Rank, scratch);
        Blocks = [new WeightBlock(0, whole.RowRange(0, Rows).ColumnRange(0, Columns), b, whole)];
    }

    public override IReadOnlyList<WeightBlock> Blocks { get; }

    public override Matrix A { get; }

    public override IEnumerable<FactorBlock> Factors =>
    [
        .. FactorLayout.OfA(_adapters, A, adapter => adapter.Lora.A),
        .. FactorLayout.OfB(_adapters, Blocks[0].B, 0, adapter => adapter.Lora.B),
    ];

    public override void LoadFactors(WeightBlock block)
    {
    }

    public override void Materialize(WeightBlock block)
    {
    }

    public override void Dispose()
    {
        A.Dispose();
        Blocks[0].B.Dispose();
        _joined.Dispose();
    }

    /// <summary>A matrix of zeros for factors that lie outside the weights.</summary>
    private static Matrix Zeros(int rows, int columns, Scratch scratch) =>
        new(zeros([Math.Max(1, rows), Math.Max(1, columns)], scratch.ElementType, scratch.Device));

    /// <summary>Copies the parts end to end and makes each a view of its rows, so that no weight exists twice.</summary>
    private Matrix Join(IReadOnlyList<DenseWeight> parts)
    {
        using var quiet = no_grad();
        var first = parts[0].Value;
        var bordered = Matrix.CreateBordered(Rows + Below, Columns, Right, first.dtype, first.device);
        if (Below > 0)
            bordered.Tensor.narrow(0, Rows, Below).zero_();
        var start = 0;
        foreach (var part in parts)
        {
            var view = bordered.Tensor.narrow(0, start, part.Rows);
            view.copy_(part.Value);
            start += (int)part.Rows;
            part.MoveTo(view);
        }

        return bordered;
    }
}
