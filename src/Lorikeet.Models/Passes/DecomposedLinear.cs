// DoRA (arXiv 2402.09353): each output has a gain g (RowGains.cs), which counts as a constant in the backward pass.
// With Z = X Wᵀ + U Bᵀ as without magnitudes (FactoredLinear.cs) and H = g ⊙ dY,
//
//     forward     Y = g ⊙ Z
//     backward    dX = H W + G A      G = H B      dA = Gᵀ X      dB = Hᵀ U      dm = 1/n ⊙ Σ dY ⊙ Z
//
// Z is kept for dm, and H then takes its place. With dropout, W too sees the masked input X' where the gain matters, as
// in PEFT: Z = X' Wᵀ + U Bᵀ, and
//
//     forward     Y = X Wᵀ + U Bᵀ + (g - 1) ⊙ Z
//     backward    dX = dY W + mask ⊙ (((g - 1) ⊙ dY) W + G A)
//
// so that every projection takes two more GEMMs.
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora.Variants;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>Frozen weights, factors and magnitudes.</summary>
internal sealed class DecomposedLinear : FusedLinear
{
    private readonly IDecoderKernels _kernels;
    private readonly Scratch _scratch;
    private readonly FactoredLinear _inner;
    private readonly RowGains _gains;
    private readonly (AdapterBlock Adapter, Tensor Gradient)[] _magnitudes;

    /// <summary>Fuses projections some of which have magnitudes.</summary>
    public DecomposedLinear(
        IReadOnlyList<Projection> projections, Scratch scratch, IDecoderKernels kernels, bool augments,
        FusedBiases biases, WholeWeights whole)
        : base(biases, whole)
    {
        (_kernels, _scratch) = (kernels, scratch);
        _inner = new FactoredLinear(
            projections, scratch, kernels, augments, new FusedBiases([], scratch, kernels),
            new WholeWeights([], kernels));
        _magnitudes = [.. _inner.Adapters
            .Where(adapter => adapter.Projection.Adapter is DoraFactors)
            .Select(adapter => (
                adapter, ParameterGradient.Of(((DoraFactors)adapter.Projection.Adapter!).Magnitude)))];
        _gains = new RowGains(_inner.Weight, [.. _magnitudes.Select(magnitude => magnitude.Adapter)], scratch);
        ScaledColumns = _inner.MaskedColumns > 0 ? _magnitudes.Max(magnitude => magnitude.Adapter.Rows) : 0;
    }

    public override int Rows => _inner.Rows;

    public override int Columns => _inner.Columns;

    public override int Rank => _inner.Rank;

    /// <summary>U, then Z.</summary>
    public override int KeptColumns => Rank + Rows;

    public override int LoraInputColumns => _inner.LoraInputColumns;

    public override int MaskedColumns => _inner.MaskedColumns;

    public override int ScaledColumns { get; }

    public override bool KeepsOutput => true;

    public override bool Decompresses => _inner.Decompresses;

    protected override long CopyBytesOfWeights => _inner.CopyBytes + _gains.CopyBytes;

    protected override IEnumerable<FactorBlock> FactorsOfWeights => _inner.Factors;

    public override void Hold() => _inner.Hold();

    public override void Release() => _inner.Release();

    protected override void Multiply(Matrix x, Matrix? kept, Matrix y, PassKey? dropout)
    {
        _gains.Update(_inner.Weight);
        if (_inner.Drops(dropout))
        {
            _inner.Forward(x, U(kept!), y, dropout);
            AddMasked(x, kept!, y, dropout!.Value);
            return;
        }

        _inner.Forward(x, U(kept!), Z(kept!), dropout: null);
        _kernels.ScaleColumns(Z(kept!), _gains.Gain, y);
    }

    public override Matrix? HiddenGradient(Matrix dy, Matrix? kept, Matrix? g) =>
        _inner.HiddenGradient(Scaled(dy, kept!), null, g);

    public override Matrix? InputGradient(Matrix dy, Matrix? kept, Matrix? g, Matrix dx, PassKey? dropout)
    {
        var scaled = Scaled(dy, kept!);
        if (!_inner.Drops(dropout))
            return _inner.InputGradient(scaled, null, g, dx, dropout: null);

        var hidden = _inner.HiddenGradient(scaled, null, g)!;
        foreach (var block in _inner.Weight.Blocks)
        {
            _inner.Weight.Materialize(block);
            FactoredLinear.Add(dx, dy, block, block.Weight);
            foreach (var (adapter, weight, _) in Of(block))
                AddMaskedGradient(dy, adapter, weight, dx, dropout!.Value);
        }

        _inner.AddMasked(hidden, dx, dropout!.Value);
        return hidden;
    }

    protected override void AddGradientsOfWeights(Matrix dy, Matrix? g, Matrix x, Matrix? kept, PassKey? dropout) =>
        _inner.AddGradients(Z(kept!), g, x, U(kept!), dropout); // H lies where Z was

    /// <summary>y += (g - 1) ⊙ Z, with Z of the masked input.</summary>
    private void AddMasked(Matrix x, Matrix kept, Matrix y, PassKey dropout)
    {
        foreach (var block in _inner.Weight.Blocks)
        {
            _inner.Weight.LoadFactors(block);
            _inner.Weight.Materialize(block);
            foreach (var (adapter, weight, b) in Of(block))
            {
                var z = Z(kept).ColumnRange(adapter.RowStart, adapter.Rows);
                Aten.Multiply(z.Tensor, _inner.Masked(x, adapter, dropout).Tensor, weight.Transposed);
                Aten.AddProduct(
                    z.Tensor, U(kept).ColumnRange(adapter.RankStart, adapter.Rank).Tensor, b.Transposed);
                using var excess = RowGains.Part(_gains.Excess, adapter);
                _kernels.AddScaledColumns(z, excess, y.ColumnRange(adapter.RowStart, adapter.Rows));
            }
        }
    }

    /// <summary>dx += mask ⊙ (((g - 1) ⊙ dy) W), of one projection.</summary>
    private void AddMaskedGradient(Matrix dy, AdapterBlock adapter, Matrix weight, Matrix dx, PassKey dropout)
    {
        var scaled = _scratch.Take(ScratchUse.Scaled, dy.Rows, adapter.Rows);
        using var excess = RowGains.Part(_gains.Excess, adapter);
        _kernels.ScaleColumns(dy.ColumnRange(adapter.RowStart, adapter.Rows), excess, scaled);
        if (adapter.Dropout == 0)
        {
            Aten.AddProduct(dx.Tensor, scaled.Tensor, weight.Tensor);
            return;
        }

        var masked = _scratch.Take(ScratchUse.Masked, dx.Rows, dx.Columns);
        Aten.Multiply(masked.Tensor, scaled.Tensor, weight.Tensor);
        _kernels.AddDropout(masked, adapter.Dropout, dropout.Mask(adapter.Projection.Index), dx);
    }

    /// <summary>Adds dm to the gradients of the magnitudes, then puts H = g ⊙ dy where Z was.</summary>
    private Matrix Scaled(Matrix dy, Matrix kept)
    {
        var z = Z(kept);
        foreach (var (adapter, gradient) in _magnitudes)
        {
            using var inverse = RowGains.Part(_gains.InverseNorm, adapter);
            _kernels.AddColumnSums(
                dy.ColumnRange(adapter.RowStart, adapter.Rows), z.ColumnRange(adapter.RowStart, adapter.Rows), 1,
                inverse, gradient);
        }

        _kernels.ScaleColumns(dy, _gains.Gain, z);
        return z;
    }

    /// <summary>The projections with magnitudes in a block, their weights and their own part of B.</summary>
    private IEnumerable<(AdapterBlock Adapter, Matrix Weight, Matrix B)> Of(WeightBlock block)
    {
        foreach (var (adapter, _) in _magnitudes)
        {
            var row = adapter.RowStart - block.Start;
            if (row < 0 || row >= block.Rows)
                continue;
            yield return (
                adapter, block.Weight.RowRange(row, adapter.Rows),
                block.B.RowRange(row, adapter.Rows).ColumnRange(adapter.RankStart, adapter.Rank));
        }
    }

    /// <summary>[tokens, rank].</summary>
    private Matrix U(Matrix kept) => kept.ColumnRange(0, Rank);

    /// <summary>[tokens, out].</summary>
    private Matrix Z(Matrix kept) => kept.ColumnRange(Rank, Rows);

    public override void Dispose()
    {
        base.Dispose();
        _inner.Dispose();
        _gains.Dispose();
        foreach (var (_, gradient) in _magnitudes)
            gradient.Dispose();
    }
}
