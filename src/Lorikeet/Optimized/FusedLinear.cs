// Projections that read the same input, as one GEMM: with W their weights one below the other, A their factors one below
// the other [R, in], and B their factors on the diagonal of one matrix [out, R], times the scale,
//
//     forward     U = X Aᵀ            Y  = X Wᵀ + U Bᵀ
//     backward    G = dY B            dX = dY W + G A          dA = Gᵀ X          dB = dYᵀ U
//
// The frozen weight has no gradient, so the backward pass of a linear layer is one GEMM and four thin ones. With dropout
// a projection's U reads its own masked X, and its part of dX passes through the same mask.
using Lorikeet.Models;
using Lorikeet.Native;
using Lorikeet.Numerics;
using static TorchSharp.torch;

namespace Lorikeet.Optimized;

/// <summary>One or several projections of a layer that share their input.</summary>
internal sealed class FusedLinear : IDisposable
{
    private readonly IDecoderKernels _kernels;
    private readonly Scratch _scratch;
    private readonly FusedWeight _weight;
    private readonly AdapterBlock[] _adapters;
    private readonly (Tensor Bias, int Start)[] _biases;
    private readonly Matrix? _a; // [rank, in]
    private readonly Matrix? _b; // [out, rank], times the scale
    private readonly Matrix? _aGradient;
    private readonly Matrix? _bGradient;
    private readonly IFactorTable? _gradients;

    /// <summary>Fuses projections whose weights are frozen.</summary>
    public FusedLinear(IReadOnlyList<Projection> projections, Scratch scratch, IDecoderKernels kernels)
    {
        (_kernels, _scratch) = (kernels, scratch);
        _weight = FusedWeight.Of(projections, scratch);
        _adapters = [.. AdapterBlock.Of(projections)];
        _biases = [.. Biases(projections, scratch.ElementType)];
        Rank = _adapters.Sum(adapter => adapter.Rank);
        if (Rank == 0) return;
        _a = Matrix.Create(Rank, Columns, scratch.ElementType, scratch.Device);
        _b = Matrix.Create(Rows, Rank, scratch.ElementType, scratch.Device);
        _b.Tensor.zero_();
        _aGradient = scratch.Take(ScratchUse.FactorA, Rank, Columns);
        _bGradient = scratch.Take(ScratchUse.FactorB, Rows, Rank);
        _gradients = kernels.Factors([.. Blocks(_aGradient, _bGradient, adapter => (adapter.AGradient, adapter.BGradient))]);
    }

    /// <summary>Output features of all projections.</summary>
    public int Rows => _weight.Rows;

    /// <summary>Input features.</summary>
    public int Columns => _weight.Columns;

    /// <summary>Sum of the adapters' ranks.</summary>
    public int Rank { get; }

    /// <summary>The factors, and where <see cref="Forward"/> expects them in the compute type.</summary>
    public IEnumerable<FactorBlock> Factors =>
        Rank == 0 ? [] : Blocks(_a!, _b!, adapter => (adapter.Lora.A, adapter.Lora.B));

    /// <summary>y = x Wᵀ + bias + U Bᵀ.</summary>
    /// <param name="x">[tokens, in].</param>
    /// <param name="u">[tokens, rank] or wider; receives U, which the backward pass needs.</param>
    /// <param name="y">[tokens, out].</param>
    /// <param name="dropout">Names the masks; null for none.</param>
    public void Forward(Matrix x, Matrix? u, Matrix y, DropoutKey? dropout)
    {
        Aten.Multiply(y.Tensor, x.Tensor, _weight.Materialize().Transposed);
        foreach (var (bias, start) in _biases)
            _kernels.AddBias(y.ColumnRange(start, (int)bias.shape[0]), bias);
        if (Rank == 0) return;

        u = Own(u!);
        if (!Drops(dropout))
        {
            Aten.Multiply(u.Tensor, x.Tensor, _a!.Transposed);
        }
        else
        {
            foreach (var adapter in _adapters)
            {
                var input = Masked(x, adapter, dropout!.Value);
                var a = _a!.RowRange(adapter.RankStart, adapter.Rank);
                Aten.Multiply(u.ColumnRange(adapter.RankStart, adapter.Rank).Tensor, input.Tensor, a.Transposed);
            }
        }

        Aten.AddProduct(y.Tensor, u.Tensor, _b!.Transposed);
    }

    /// <summary>g receives G = dy B.</summary>
    /// <param name="dy">[tokens, out].</param>
    /// <param name="g">[tokens, rank] or wider.</param>
    public void NarrowGradient(Matrix dy, Matrix? g)
    {
        if (Rank > 0) Aten.Multiply(Own(g!).Tensor, dy.Tensor, _b!.Tensor);
    }

    /// <summary>dx = dy W + G A; g receives G.</summary>
    /// <param name="dy">[tokens, out].</param>
    /// <param name="g">[tokens, rank] or wider.</param>
    /// <param name="dx">[tokens, in].</param>
    /// <param name="dropout">As in the forward pass.</param>
    public void InputGradient(Matrix dy, Matrix? g, Matrix dx, DropoutKey? dropout)
    {
        Aten.Multiply(dx.Tensor, dy.Tensor, _weight.Materialize().Tensor);
        NarrowGradient(dy, g);
        if (Rank == 0) return;
        g = Own(g!);
        if (!Drops(dropout))
        {
            Aten.AddProduct(dx.Tensor, g.Tensor, _a!.Tensor);
            return;
        }

        foreach (var adapter in _adapters)
        {
            var part = g.ColumnRange(adapter.RankStart, adapter.Rank);
            var a = _a!.RowRange(adapter.RankStart, adapter.Rank);
            if (adapter.Lora.Dropout == 0)
            {
                Aten.AddProduct(dx.Tensor, part.Tensor, a.Tensor);
                continue;
            }

            var masked = _scratch.Take(ScratchUse.Masked, dx.Rows, dx.Columns);
            Aten.Multiply(masked.Tensor, part.Tensor, a.Tensor);
            _kernels.AddDropout(masked, adapter.Lora.Dropout, dropout!.Value.Mask(adapter.Projection.Index), dx);
        }
    }

    /// <summary>Adds dA and dB to the gradients of the factors.</summary>
    /// <param name="dy">[tokens, out].</param>
    /// <param name="g">What <see cref="InputGradient"/> left there.</param>
    /// <param name="x">[tokens, in].</param>
    /// <param name="u">What <see cref="Forward"/> left there.</param>
    /// <param name="dropout">As in the forward pass.</param>
    public void FactorGradients(Matrix dy, Matrix? g, Matrix x, Matrix? u, DropoutKey? dropout)
    {
        if (Rank == 0) return;
        (g, u) = (Own(g!), Own(u!));
        Aten.Multiply(_bGradient!.Tensor, dy.Transposed, u.Tensor);
        if (!Drops(dropout))
        {
            Aten.Multiply(_aGradient!.Tensor, g.Transposed, x.Tensor);
        }
        else
        {
            foreach (var adapter in _adapters)
            {
                var input = Masked(x, adapter, dropout!.Value);
                var part = g.ColumnRange(adapter.RankStart, adapter.Rank);
                Aten.Multiply(_aGradient!.RowRange(adapter.RankStart, adapter.Rank).Tensor, part.Transposed, input.Tensor);
            }
        }

        _gradients!.Accumulate();
    }

    private static IEnumerable<(Tensor Bias, int Start)> Biases(IReadOnlyList<Projection> projections, ScalarType type)
    {
        var start = 0;
        foreach (var projection in projections)
        {
            if (projection.Bias is { } bias) yield return (bias.to_type(type).DetachFromDisposeScope(), start);
            start += (int)projection.Weight.Rows;
        }
    }

    /// <summary>Buffers are as wide as the widest layer of the model needs.</summary>
    private Matrix Own(Matrix narrow) => narrow.ColumnRange(0, Rank);

    private bool Drops(DropoutKey? dropout) =>
        dropout is not null && _adapters.Any(adapter => adapter.Lora.Dropout > 0);

    private Matrix Masked(Matrix x, AdapterBlock adapter, DropoutKey dropout)
    {
        if (adapter.Lora.Dropout == 0) return x;
        var masked = _scratch.Take(ScratchUse.Masked, x.Rows, x.Columns);
        _kernels.Dropout(x, adapter.Lora.Dropout, dropout.Mask(adapter.Projection.Index), masked);
        return masked;
    }

    /// <summary>Tensors of the adapters beside their places in matrices laid out as A and B.</summary>
    private IEnumerable<FactorBlock> Blocks(Matrix a, Matrix b, Func<AdapterBlock, (Tensor A, Tensor B)> tensors)
    {
        foreach (var adapter in _adapters)
        {
            var (ofA, ofB) = tensors(adapter);
            yield return new FactorBlock(ofA, 1, a.RowRange(adapter.RankStart, adapter.Rank));
            yield return new FactorBlock(
                ofB, adapter.Lora.Scale,
                b.RowRange(adapter.RowStart, adapter.Rows).ColumnRange(adapter.RankStart, adapter.Rank));
        }
    }

    public void Dispose()
    {
        _weight.Dispose();
        _a?.Dispose();
        _b?.Dispose();
        _gradients?.Dispose();
        foreach (var adapter in _adapters) adapter.Dispose();
        foreach (var (bias, _) in _biases) bias.Dispose();
    }
}
