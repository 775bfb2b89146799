using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>Weights that lie in memory as the GEMM wants them.</summary>
internal sealed class DenseFusedWeight : FusedWeight
{
    private readonly IReadOnlyList<AdapterBlock> _adapters;
    private readonly Matrix _joined;

    public DenseFusedWeight(
        FusedShape shape, IReadOnlyList<DenseWeight> parts, IReadOnlyList<AdapterBlock> adapters, Scratch scratch)
        : base(shape)
    {
        _adapters = adapters;
        _joined = parts.Count == 1 && ColumnsOfB + RowsOfA == 0 ? new Matrix(parts[0].Value.alias()) : Join(parts);
        var whole = _joined.Augmented ?? _joined;
        A = RowsOfA > 0 ? whole.RowRange(Rows, RowsOfA) : Zeros(Rank, Columns, scratch);
        var b = ColumnsOfB > 0 ? whole.ColumnRange(Columns, ColumnsOfB) : Zeros(Rows, Rank, scratch);
        CopyBytes = whole.Bytes - parts.Sum(part => part.ByteCount)
            + (RowsOfA > 0 ? 0 : A.Bytes) + (ColumnsOfB > 0 ? 0 : b.Bytes);
        Blocks = [new WeightBlock(0, whole.RowRange(0, Rows).ColumnRange(0, Columns), b, whole)];
    }

    public override IReadOnlyList<WeightBlock> Blocks { get; }

    public override long CopyBytes { get; }

    public override Matrix A { get; }

    public override IEnumerable<FactorBlock> Factors =>
    [
        .. FactorLayout.OfA(_adapters, A, adapter => adapter.A),
        .. FactorLayout.OfB(_adapters, Blocks[0].B, 0, adapter => adapter.B),
    ];

    protected override void Load(WeightBlock block)
    {
    }

    protected override void Write(WeightBlock block)
    {
    }

    public override void Dispose()
    {
        base.Dispose();
        A.Dispose();
        Blocks[0].B.Dispose();
        _joined.Dispose();
    }

    /// <summary>
    /// Copies the parts end to end and makes each a view of its rows, so that no weight exists twice.
    /// </summary>
    private Matrix Join(IReadOnlyList<DenseWeight> parts)
    {
        using var quiet = no_grad();
        var first = parts[0].Value;
        var augmented = Matrix.CreateAugmented(Rows + RowsOfA, Columns, ColumnsOfB, first.dtype, first.device);
        if (RowsOfA > 0)
        {
            using var ofA = augmented.Tensor.narrow(0, Rows, RowsOfA);
            ofA.Clear();
        }

        var start = 0;
        foreach (var part in parts)
        {
            var view = augmented.Tensor.narrow(0, start, part.Rows);
            view.copy_(part.Value);
            start += (int)part.Rows;
            part.MoveTo(view);
        }

        return augmented;
    }
}
