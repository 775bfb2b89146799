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

/// <summary>One or several projections of a layer that share their input.</summary>
internal sealed class FusedLinear : IDisposable
{
    private readonly IDecoderKernels _kernels;
    private readonly Scratch _scratch;
    private readonly FusedWeight _weight;
    private readonly AdapterBlock[] _adapters;
    private readonly (Tensor Bias, int Start)[] _biases;
    private readonly bool _hasDropout;
    private IFactorTable? _gradients;

    /// <summary>Fuses projections whose weights are frozen.</summary>
    public FusedLinear(IReadOnlyList<Projection> projections, Scratch scratch, IDecoderKernels kernels)
    {
        (_kernels, _scratch) = (kernels, scratch);
        _adapters = [.. AdapterBlock.Of(projections)];
        _hasDropout = _adapters.Any(adapter => adapter.Lora.Dropout > 0);
        _weight = FusedWeight.Of(projections, _adapters, scratch, kernels);
        _biases = [.. Biases(projections, scratch.ElementType)];
        scratch.Reserve(ScratchUse.AGradient, (long)Rank * Columns);
        scratch.Reserve(ScratchUse.BGradient, (long)Rows * Rank);
        MaskedColumns = _hasDropout ? Columns : 0;
    }

    /// <summary>Output features of all projections.</summary>
    public int Rows => _weight.Rows;

    /// <summary>Input features.</summary>
    public int Columns => _weight.Columns;

    /// <summary>Width of U and G; 0 without adapters.</summary>
    public int Rank => _weight.Rank;

    /// <summary>Room for U at the end of the rows of X that an augmented weight makes use of.</summary>
    public int LoraInputColumns => _weight.ColumnsOfB;

    /// <summary>Room for G at the end of the rows of dY.</summary>
    public int LoraOutputColumns => _weight.RowsOfA;

    /// <summary>Columns of the masked inputs that dropout makes; 0 without dropout.</summary>
    public int MaskedColumns { get; }

    /// <summary>Bytes that it keeps beside the weights of the model.</summary>
    public long CopyBytes => _weight.CopyBytes;

    /// <summary>The factors that must be in the compute type before <see cref="Forward"/>.</summary>
    public IEnumerable<FactorBlock> Factors => _weight.Factors;

    /// <summary>y = x Wᵀ + bias + U Bᵀ.</summary>
    /// <param name="x">[tokens, in].</param>
    /// <param name="u">[tokens, rank] or wider; receives U, which the backward pass needs.</param>
    /// <param name="y">[tokens, out].</param>
    /// <param name="dropout">Names the masks; null for none.</param>
    public void Forward(Matrix x, Matrix? u, Matrix y, PassKey? dropout)
    {
        var extended = Extended(x, Columns, LoraInputColumns);
        foreach (var block in _weight.Blocks)
        {
            _weight.LoadFactors(block);
            if (Rank > 0 && block.Start == 0)
                ProjectDown(x, Own(u!), extended, dropout); // A came with the first block
            _weight.Materialize(block);
            var part = y.ColumnRange(block.Start, block.Rows).Tensor;
            Aten.Multiply(
                part, extended?.Tensor ?? x.Tensor, (extended is null ? block.Weight : block.Whole).Transposed);
            if (Rank > 0 && extended is null)
                Aten.AddProduct(part, Own(u!).Tensor, block.B.Transposed);
        }

        foreach (var (bias, start) in _biases)
            _kernels.AddBias(y.ColumnRange(start, (int)bias.shape[0]), bias);
    }

    /// <summary>G = dy B, in g or, where there is room for it, at the end of dy's rows.</summary>
    /// <param name="dy">[tokens, out].</param>
    /// <param name="g">[tokens, rank] or wider.</param>
    /// <returns>G; null without adapters.</returns>
    public Matrix? HiddenGradient(Matrix dy, Matrix? g)
    {
        if (Rank == 0)
            return null;
        var hidden = PlaceOfHiddenGradient(dy, g);
        foreach (var block in _weight.Blocks)
        {
            _weight.LoadFactors(block);
            Add(hidden, dy, block, block.B);
        }

        return hidden;
    }

    /// <summary>dx = dy W + G A.</summary>
    /// <param name="dy">[tokens, out].</param>
    /// <param name="g">[tokens, rank] or wider; room for G.</param>
    /// <param name="dx">[tokens, in].</param>
    /// <param name="dropout">As in the forward pass.</param>
    /// <returns>G; null without adapters.</returns>
    public Matrix? InputGradient(Matrix dy, Matrix? g, Matrix dx, PassKey? dropout)
    {
        var hidden = Rank == 0 ? null : PlaceOfHiddenGradient(dy, g);
        var extended = Drops(dropout) ? null : Extended(dy, Rows, LoraOutputColumns);
        foreach (var block in _weight.Blocks)
        {
            _weight.LoadFactors(block);
            if (hidden is not null)
                Add(hidden, dy, block, block.B);
            _weight.Materialize(block);
            if (extended is null)
                Add(dx, dy, block, block.Weight);
            else
                Aten.Multiply(dx.Tensor, extended.Tensor, block.Whole.Tensor); // A lies below the only block
        }

        if (hidden is null || extended is not null)
            return hidden;
        if (Drops(dropout))
            AddMasked(hidden, dx, dropout!.Value);
        else
            Aten.AddProduct(dx.Tensor, hidden.Tensor, _weight.A.Tensor);
        return hidden;
    }

    /// <summary>Adds dA and dB to the gradients of the factors.</summary>
    /// <param name="dy">[tokens, out].</param>
    /// <param name="g">What <see cref="InputGradient"/> returned.</param>
    /// <param name="x">[tokens, in].</param>
    /// <param name="u">What <see cref="Forward"/> left there.</param>
    /// <param name="dropout">As in the forward pass.</param>
    public void FactorGradients(Matrix dy, Matrix? g, Matrix x, Matrix? u, PassKey? dropout)
    {
        if (Rank == 0)
            return;
        var (a, b) = (
            _scratch.Take(ScratchUse.AGradient, Rank, Columns), _scratch.Take(ScratchUse.BGradient, Rows, Rank));
        Aten.Multiply(b.Tensor, dy.Transposed, Own(u!).Tensor);
        if (!Drops(dropout))
        {
            Aten.Multiply(a.Tensor, g!.Transposed, x.Tensor);
        }
        else
        {
            foreach (var adapter in _adapters)
            {
                var input = Masked(x, adapter, dropout!.Value);
                var part = g!.ColumnRange(adapter.RankStart, adapter.Rank);
                Aten.Multiply(a.RowRange(adapter.RankStart, adapter.Rank).Tensor, part.Transposed, input.Tensor);
            }
        }

        _gradients ??= _kernels.Factors(
        [
            .. FactorLayout.OfA(_adapters, a, adapter => adapter.AGradient),
            .. FactorLayout.OfB(_adapters, b, 0, adapter => adapter.BGradient),
        ]);
        _gradients.Accumulate();
    }

    private static IEnumerable<(Tensor Bias, int Start)> Biases(IReadOnlyList<Projection> projections, ScalarType type)
    {
        var start = 0;
        foreach (var projection in projections)
        {
            if (projection.Bias is { } bias)
                yield return (bias.to_type(type).DetachFromDisposeScope(), start);
            start += (int)projection.Weight.Rows;
        }
    }

    /// <summary>
    /// U, from the input or its masked copies; also at the end of the input's rows, where there is room.
    /// </summary>
    private void ProjectDown(Matrix x, Matrix u, Matrix? extended, PassKey? dropout)
    {
        if (!Drops(dropout))
            Aten.Multiply(u.Tensor, x.Tensor, _weight.A.Transposed);
        else
            ProjectDownMasked(x, u, dropout!.Value);
        extended?.ColumnRange(Columns, Rank).Tensor.copy_(u.Tensor);
    }

    private void ProjectDownMasked(Matrix x, Matrix u, PassKey dropout)
    {
        foreach (var adapter in _adapters)
        {
            var input = Masked(x, adapter, dropout);
            var a = _weight.A.RowRange(adapter.RankStart, adapter.Rank);
            Aten.Multiply(u.ColumnRange(adapter.RankStart, adapter.Rank).Tensor, input.Tensor, a.Transposed);
        }
    }

    private Matrix PlaceOfHiddenGradient(Matrix dy, Matrix? g) =>
        Extended(dy, Rows, LoraOutputColumns)?.ColumnRange(Rows, Rank) ?? Own(g!);

    /// <summary>sum += dy of the block's outputs times one of its matrices; the first block begins the sum.</summary>
    private static void Add(Matrix sum, Matrix dy, WeightBlock block, Matrix factor)
    {
        var part = dy.ColumnRange(block.Start, block.Rows).Tensor;
        if (block.Start == 0)
            Aten.Multiply(sum.Tensor, part, factor.Tensor);
        else
            Aten.AddProduct(sum.Tensor, part, factor.Tensor);
    }

    /// <summary>dx += G A through the masks of the forward pass.</summary>
    private void AddMasked(Matrix g, Matrix dx, PassKey dropout)
    {
        foreach (var adapter in _adapters)
        {
            var part = g.ColumnRange(adapter.RankStart, adapter.Rank);
            var a = _weight.A.RowRange(adapter.RankStart, adapter.Rank);
            if (adapter.Lora.Dropout == 0)
            {
                Aten.AddProduct(dx.Tensor, part.Tensor, a.Tensor);
                continue;
            }

            var masked = _scratch.Take(ScratchUse.Masked, dx.Rows, dx.Columns);
            Aten.Multiply(masked.Tensor, part.Tensor, a.Tensor);
            _kernels.AddDropout(masked, adapter.Lora.Dropout, dropout.Mask(adapter.Projection.Index), dx);
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

    private bool Drops(PassKey? dropout) => dropout is not null && _hasDropout;

    private Matrix Masked(Matrix x, AdapterBlock adapter, PassKey dropout)
    {
        if (adapter.Lora.Dropout == 0)
            return x;
        var masked = _scratch.Take(ScratchUse.Masked, x.Rows, x.Columns);
        _kernels.Dropout(x, adapter.Lora.Dropout, dropout.Mask(adapter.Projection.Index), masked);
        return masked;
    }

    public void Dispose()
    {
        _weight.Dispose();
        _gradients?.Dispose();
        foreach (var adapter in _adapters)
            adapter.Dispose();
        foreach (var (bias, _) in _biases)
            bias.Dispose();
    }
}
