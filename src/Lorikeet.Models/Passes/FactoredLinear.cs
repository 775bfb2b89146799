// Projections that read the same input, as one GEMM: with W their weights one below the other, A their factors one
// below the other [R, in], and B their factors on the diagonal of one matrix [out, R], times the scale,
//
//     forward     U = X Aᵀ            Y  = X Wᵀ + U Bᵀ
//     backward    G = dY B            dX = dY W + G A          dA = Gᵀ X          dB = dYᵀ U
//
// The frozen weight has no gradient, so the backward pass of a linear layer is one GEMM and four thin ones. With
// dropout a projection's U reads its own masked X, and its part of dX passes through the same mask. Where weights are
// augmented by their factors (FusedWeight.cs) and X or dY has room for U or G at the end of its rows, the sums need no
// GEMM of their own.
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>Weights, and the factors beside those that are frozen.</summary>
internal sealed class FactoredLinear : FusedLinear
{
    private readonly IDecoderKernels _kernels;
    private readonly Scratch _scratch;
    private readonly bool _hasDropout;
    private IFactorTable? _gradients;

    /// <summary>Fuses projections.</summary>
    public FactoredLinear(
        IReadOnlyList<Projection> projections, Scratch scratch, IDecoderKernels kernels, bool augments,
        FusedBiases biases, WholeWeights whole)
        : base(biases, whole)
    {
        (_kernels, _scratch) = (kernels, scratch);
        Adapters = [.. AdapterBlock.Of(projections)];
        _hasDropout = Adapters.Any(adapter => adapter.Dropout > 0);
        Weight = FusedWeight.Of(projections, Adapters, scratch, kernels, augments);
        scratch.Reserve(ScratchUse.AGradient, (long)Rank * Columns);
        scratch.Reserve(ScratchUse.BGradient, (long)Rows * Rank);
        MaskedColumns = _hasDropout ? Columns : 0;
    }

    public override int Rows => Weight.Rows;

    public override int Columns => Weight.Columns;

    public override int Rank => Weight.Rank;

    public override int LoraInputColumns => Weight.ColumnsOfB;

    public override int LoraOutputColumns => Weight.RowsOfA;

    public override int MaskedColumns { get; }

    public override int CodeColumns => Weight.CodeColumns;

    /// <summary>The frozen weights, and the factors in the compute type.</summary>
    public FusedWeight Weight { get; }

    /// <summary>The factors as they are trained.</summary>
    public IReadOnlyList<AdapterBlock> Adapters { get; }

    public override bool Decompresses => Weight.IsShared;

    protected override long CopyBytesOfWeights => Weight.CopyBytes;

    protected override IEnumerable<FactorBlock> FactorsOfWeights => Weight.Factors;

    public override void Hold() => Weight.Hold();

    public override void Release() => Weight.Release();

    public override void ExpectInput(Matrix x) => Weight.ExpectInput(x);

    public override void ExpectGradient(Matrix dy) => Weight.ExpectGradient(dy);

    /// <summary>y = x Wᵀ + U Bᵀ.</summary>
    protected override void Multiply(Matrix x, Matrix? kept, Matrix y, PassKey? dropout)
    {
        var extended = Extended(x, Columns, LoraInputColumns);
        foreach (var block in Weight.Blocks)
        {
            Weight.LoadFactors(block);
            if (Rank > 0 && block.Start == 0)
                ProjectDown(x, Own(kept!), extended, dropout); // A came with the first block
            Weight.Materialize(block);
            var part = y.ColumnRange(block.Start, block.Rows);
            if (extended is not null)
            {
                Aten.Multiply(part.Tensor, extended.Tensor, block.Whole.Transposed);
                continue;
            }

            var factorsFirst = Rank > 0 && Weight.AddsToFactors;
            if (factorsFirst)
                Aten.Multiply(part.Tensor, Own(kept!).Tensor, block.B.Transposed);
            Weight.Multiply(x, block, part, adds: factorsFirst);
            if (Rank > 0 && !factorsFirst)
                Aten.AddProduct(part.Tensor, Own(kept!).Tensor, block.B.Transposed);
        }
    }

    /// <summary>y += x Wᵀ, without factors.</summary>
    public void AddBase(Matrix x, Matrix y)
    {
        foreach (var block in Weight.Blocks)
        {
            Weight.Materialize(block);
            Weight.Multiply(x, block, y.ColumnRange(block.Start, block.Rows), adds: true);
        }
    }

    /// <summary>dx += dy W, without factors.</summary>
    public void AddBaseGradient(Matrix dy, Matrix dx)
    {
        foreach (var block in Weight.Blocks)
        {
            Weight.Materialize(block);
            Weight.MultiplyTransposed(dy.ColumnRange(block.Start, block.Rows), block, dx, adds: true);
        }
    }

    /// <summary>G = dy B.</summary>
    public override Matrix? HiddenGradient(Matrix dy, Matrix? kept, Matrix? g)
    {
        if (Rank == 0)
            return null;
        var hidden = PlaceOfHiddenGradient(dy, g);
        foreach (var block in Weight.Blocks)
        {
            Weight.LoadFactors(block);
            Add(hidden, dy, block, block.B);
        }

        return hidden;
    }

    /// <summary>dx = dy W + G A.</summary>
    public override Matrix? InputGradient(Matrix dy, Matrix? kept, Matrix? g, Matrix dx, PassKey? dropout)
    {
        var hidden = Rank == 0 ? null : PlaceOfHiddenGradient(dy, g);
        var extended = Drops(dropout) ? null : Extended(dy, Rows, LoraOutputColumns);
        var factorsFirst = hidden is not null && Weight.AddsToFactors && !Drops(dropout);
        foreach (var block in Weight.Blocks)
        {
            Weight.LoadFactors(block);
            if (hidden is not null)
                Add(hidden, dy, block, block.B);
            Weight.Materialize(block);
            if (extended is null)
                MultiplyTransposed(dy, block, factorsFirst ? hidden : null, dx);
            else
                Aten.Multiply(dx.Tensor, extended.Tensor, block.Whole.Tensor); // A lies below the only block
        }

        if (hidden is null || extended is not null || factorsFirst)
            return hidden;
        if (Drops(dropout))
            AddMasked(hidden, dx, dropout!.Value);
        else
            Aten.AddProduct(dx.Tensor, hidden.Tensor, Weight.A.Tensor);
        return hidden;
    }

    /// <summary>dx += dy W of a block; G A, where it is given, or the first block begins the sum.</summary>
    private void MultiplyTransposed(Matrix dy, WeightBlock block, Matrix? hidden, Matrix dx)
    {
        if (block.Start == 0 && hidden is not null)
            Aten.Multiply(dx.Tensor, hidden.Tensor, Weight.A.Tensor);
        Weight.MultiplyTransposed(
            dy.ColumnRange(block.Start, block.Rows), block, dx, adds: block.Start > 0 || hidden is not null);
    }

    /// <summary>dA += Gᵀ x, dB += dyᵀ U.</summary>
    protected override void AddGradientsOfWeights(
        Matrix dy, Matrix? g, Matrix x, Matrix? kept, PassKey? dropout)
    {
        if (Rank == 0)
            return;
        var (a, b) = (
            _scratch.Take(ScratchUse.AGradient, Rank, Columns), _scratch.Take(ScratchUse.BGradient, Rows, Rank));
        Aten.Multiply(b.Tensor, dy.Transposed, Own(kept!).Tensor);
        if (!Drops(dropout))
        {
            Aten.Multiply(a.Tensor, g!.Transposed, x.Tensor);
        }
        else
        {
            foreach (var adapter in Adapters)
            {
                var input = Masked(x, adapter, dropout!.Value);
                var part = g!.ColumnRange(adapter.RankStart, adapter.Rank);
                Aten.Multiply(a.RowRange(adapter.RankStart, adapter.Rank).Tensor, part.Transposed, input.Tensor);
            }
        }

        _gradients ??= TableOfGradients(a, b);
        _gradients.Accumulate();
    }

    private IFactorTable TableOfGradients(Matrix a, Matrix b)
    {
        AdapterBlock[] trained = [.. Adapters.Where(adapter => adapter.AGradient is not null)];
        return _kernels.Factors(
        [
            .. FactorLayout.OfA(trained, a, adapter => adapter.AGradient!),
            .. FactorLayout.OfB(trained, b, 0, adapter => adapter.BGradient!),
        ]);
    }

    /// <summary>
    /// U, from the input or its masked copies; also at the end of the input's rows, where there is room.
    /// </summary>
    private void ProjectDown(Matrix x, Matrix u, Matrix? extended, PassKey? dropout)
    {
        if (!Drops(dropout))
            Aten.Multiply(u.Tensor, x.Tensor, Weight.A.Transposed);
        else
            ProjectDownMasked(x, u, dropout!.Value);
        extended?.ColumnRange(Columns, Rank).Tensor.copy_(u.Tensor);
    }

    private void ProjectDownMasked(Matrix x, Matrix u, PassKey dropout)
    {
        foreach (var adapter in Adapters)
        {
            var input = Masked(x, adapter, dropout);
            var a = Weight.A.RowRange(adapter.RankStart, adapter.Rank);
            Aten.Multiply(u.ColumnRange(adapter.RankStart, adapter.Rank).Tensor, input.Tensor, a.Transposed);
        }
    }

    private Matrix PlaceOfHiddenGradient(Matrix dy, Matrix? g) =>
        Extended(dy, Rows, LoraOutputColumns)?.ColumnRange(Rows, Rank) ?? Own(g!);

    /// <summary>sum += dy of the block's outputs times one of its matrices; the first block begins the sum.</summary>
    public static void Add(Matrix sum, Matrix dy, WeightBlock block, Matrix factor)
    {
        var part = dy.ColumnRange(block.Start, block.Rows).Tensor;
        if (block.Start == 0)
            Aten.Multiply(sum.Tensor, part, factor.Tensor);
        else
            Aten.AddProduct(sum.Tensor, part, factor.Tensor);
    }

    /// <summary>dx += G A through the masks of the forward pass.</summary>
    public void AddMasked(Matrix g, Matrix dx, PassKey dropout)
    {
        foreach (var adapter in Adapters)
        {
            var part = g.ColumnRange(adapter.RankStart, adapter.Rank);
            var a = Weight.A.RowRange(adapter.RankStart, adapter.Rank);
            if (adapter.Dropout == 0)
            {
                Aten.AddProduct(dx.Tensor, part.Tensor, a.Tensor);
                continue;
            }

            var masked = _scratch.Take(ScratchUse.Masked, dx.Rows, dx.Columns);
            Aten.Multiply(masked.Tensor, part.Tensor, a.Tensor);
            _kernels.AddDropout(masked, adapter.Dropout, dropout.Mask(adapter.Projection.Index), dx);
        }
    }

    /// <summary>
    /// A matrix with as many more columns as the weight has on that side; null where either has none.
    /// </summary>
    private static Matrix? Extended(Matrix matrix, int columns, int extra) =>
        extra > 0 && matrix.Augmented is { } whole && whole.Columns >= columns + extra
            ? whole.ColumnRange(0, columns + extra)
            : null;

    /// <summary>Buffers are as wide as the widest layer of the model needs.</summary>
    private Matrix Own(Matrix hidden) => hidden.ColumnRange(0, Rank);

    /// <summary>Whether a pass has masks.</summary>
    public bool Drops(PassKey? dropout) => dropout is not null && _hasDropout;

    /// <summary>The input of a pair of factors: x through the mask of its projection.</summary>
    public Matrix Masked(Matrix x, AdapterBlock adapter, PassKey dropout)
    {
        if (adapter.Dropout == 0)
            return x;
        var masked = _scratch.Take(ScratchUse.Masked, x.Rows, x.Columns);
        _kernels.Dropout(x, adapter.Dropout, dropout.Mask(adapter.Projection.Index), masked);
        return masked;
    }

    public override void Dispose()
    {
        base.Dispose();
        Weight.Dispose();
        _gradients?.Dispose();
        foreach (var adapter in Adapters)
            adapter.Dispose();
    }
}
