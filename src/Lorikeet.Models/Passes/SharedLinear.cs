// Projections that read the same input, with the factors of several adapters beside them. The rows X of a batch are
// those of adapter 0, then those of adapter 1 and so on; of each, Xₐ are its own rows, and Aₐ, Bₐ its factors as in
// FactoredLinear.cs:
//
//     forward     Y = X Wᵀ          Uₐ = Xₐ Aₐᵀ    Yₐ += Uₐ Bₐᵀ
//     backward    dX = dY W         Gₐ = dYₐ Bₐ    dXₐ += Gₐ Aₐ    dAₐ = Gₐᵀ Xₐ    dBₐ = dYₐᵀ Uₐ
//
// The frozen weight is read, or decompressed, once for all of them. The products with factors are those that each
// adapter would make alone, on the same numbers: what one adapter learns, or breaks, no other sees.
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>Frozen weights, and the factors of several adapters, each for rows of its own.</summary>
internal sealed class SharedLinear : FusedLinear
{
    private readonly FactoredLinear _base;
    private readonly SharedAdapters _shared;
    private readonly SharedFactors?[] _factors;
    private readonly IDecoderKernels _kernels;
    private readonly Scratch _scratch;

    /// <summary>Fuses projections.</summary>
    public SharedLinear(
        IReadOnlyList<Projection> projections, SharedAdapters shared, Scratch scratch, IDecoderKernels kernels,
        FusedBiases biases)
        : base(biases, new WholeWeights([], kernels))
    {
        (_shared, _scratch, _kernels) = (shared, scratch, kernels);
        _base = new FactoredLinear(
            projections, scratch, kernels, augments: false, new FusedBiases([], scratch, kernels),
            new WholeWeights([], kernels));
        _factors = [.. Enumerable.Range(0, shared.Count).Select(adapter => FactorsOf(projections, adapter))];
        Rank = _factors.Max(factors => factors?.Rank ?? 0);
        MaskedColumns = _factors.Any(factors => factors is { HasDropout: true }) ? Columns : 0;
    }

    public override int Rows => _base.Rows;

    public override int Columns => _base.Columns;

    /// <summary>The largest sum of ranks: each adapter uses its rows of the same columns.</summary>
    public override int Rank { get; }

    public override int MaskedColumns { get; }

    public override int CodeColumns => _base.CodeColumns;

    public override bool Decompresses => _base.Decompresses;

    protected override long CopyBytesOfWeights => _base.CopyBytes + _factors.Sum(factors => factors?.Bytes ?? 0);

    protected override IEnumerable<FactorBlock> FactorsOfWeights =>
        _factors.SelectMany(factors => factors?.Factors ?? []);

    public override void Hold() => _base.Hold();

    public override void Release() => _base.Release();

    public override void ExpectInput(Matrix x) => _base.ExpectInput(x);

    public override void ExpectGradient(Matrix dy) => _base.ExpectGradient(dy);

    /// <summary>Y = X Wᵀ, Yₐ += Uₐ Bₐᵀ.</summary>
    protected override void Multiply(Matrix x, Matrix? kept, Matrix y, PassKey? dropout)
    {
        _base.Forward(x, null, y, null);
        foreach (var (factors, span) in Adapted(x))
        {
            using var own = RowsOf(x, span, Columns);
            using var u = RowsOf(kept!, span, factors.Rank);
            using var result = RowsOf(y, span, Rows);
            ProjectDown(factors, own, u, KeyOf(span, dropout));
            Aten.AddProduct(result.Tensor, u.Tensor, factors.B.Transposed);
        }
    }

    /// <summary>Gₐ = dYₐ Bₐ.</summary>
    public override Matrix? HiddenGradient(Matrix dy, Matrix? kept, Matrix? g)
    {
        foreach (var (factors, span) in Adapted(dy))
        {
            using var own = RowsOf(dy, span, Rows);
            using var hidden = RowsOf(g!, span, factors.Rank);
            Aten.Multiply(hidden.Tensor, own.Tensor, factors.B.Tensor);
        }

        return g;
    }

    /// <summary>dX = dY W, dXₐ += Gₐ Aₐ.</summary>
    public override Matrix? InputGradient(Matrix dy, Matrix? kept, Matrix? g, Matrix dx, PassKey? dropout)
    {
        HiddenGradient(dy, kept, g);
        _base.InputGradient(dy, null, null, dx, null);
        foreach (var (factors, span) in Adapted(dy))
        {
            using var hidden = RowsOf(g!, span, factors.Rank);
            using var result = RowsOf(dx, span, Columns);
            AddInputGradient(factors, hidden, result, KeyOf(span, dropout));
        }

        return g;
    }

    /// <summary>dAₐ = Gₐᵀ Xₐ, dBₐ = dYₐᵀ Uₐ.</summary>
    protected override void AddGradientsOfWeights(Matrix dy, Matrix? g, Matrix x, Matrix? kept, PassKey? dropout)
    {
        foreach (var (factors, span) in Adapted(dy))
        {
            using var own = RowsOf(dy, span, Rows);
            using var u = RowsOf(kept!, span, factors.Rank);
            using var hidden = RowsOf(g!, span, factors.Rank);
            using var input = RowsOf(x, span, Columns);
            var (a, b) = factors.Gradients();
            Aten.Multiply(b.Tensor, own.Transposed, u.Tensor);
            AddGradientOfA(factors, hidden, input, a, KeyOf(span, dropout));
            factors.AddGradients();
        }
    }

    private void ProjectDown(SharedFactors factors, Matrix x, Matrix u, PassKey? dropout)
    {
        if (dropout is not { } key || !factors.HasDropout)
        {
            Aten.Multiply(u.Tensor, x.Tensor, factors.A.Transposed);
            return;
        }

        foreach (var adapter in factors.Adapters)
        {
            using var input = Masked(x, adapter, key);
            Aten.Multiply(
                u.ColumnRange(adapter.RankStart, adapter.Rank).Tensor, input.Tensor,
                factors.A.RowRange(adapter.RankStart, adapter.Rank).Transposed);
        }
    }

    private void AddInputGradient(SharedFactors factors, Matrix g, Matrix dx, PassKey? dropout)
    {
        if (dropout is not { } key || !factors.HasDropout)
        {
            Aten.AddProduct(dx.Tensor, g.Tensor, factors.A.Tensor);
            return;
        }

        foreach (var adapter in factors.Adapters)
        {
            using var masked = RoomFor(dx);
            Aten.Multiply(
                masked.Tensor, g.ColumnRange(adapter.RankStart, adapter.Rank).Tensor,
                factors.A.RowRange(adapter.RankStart, adapter.Rank).Tensor);
            _kernels.AddDropout(masked, adapter.Dropout, key.Mask(adapter.Projection.Index), dx);
        }
    }

    private void AddGradientOfA(SharedFactors factors, Matrix g, Matrix x, Matrix a, PassKey? dropout)
    {
        if (dropout is not { } key || !factors.HasDropout)
        {
            Aten.Multiply(a.Tensor, g.Transposed, x.Tensor);
            return;
        }

        foreach (var adapter in factors.Adapters)
        {
            using var input = Masked(x, adapter, key);
            Aten.Multiply(
                a.RowRange(adapter.RankStart, adapter.Rank).Tensor,
                g.ColumnRange(adapter.RankStart, adapter.Rank).Transposed, input.Tensor);
        }
    }

    /// <summary>x through the mask of a projection, whose rows count from the adapter's first.</summary>
    private Matrix Masked(Matrix x, AdapterBlock adapter, PassKey key)
    {
        var masked = RoomFor(x);
        _kernels.Dropout(x, adapter.Dropout, key.Mask(adapter.Projection.Index), masked);
        return masked;
    }

    /// <summary>As large as a matrix; one at a time.</summary>
    private Matrix RoomFor(Matrix matrix) =>
        new(_scratch.TakeRows(ScratchUse.Masked, matrix.Columns).Tensor.narrow(0, 0, matrix.Rows));

    /// <summary>The adapters that have factors here, with their rows of a matrix.</summary>
    private IEnumerable<(SharedFactors Factors, AdapterSpan Span)> Adapted(Matrix matrix)
    {
        foreach (var span in _shared.Spans)
            if (_factors[span.Adapter] is { } factors)
                yield return (factors, span with { Count = Math.Min(span.Count, matrix.Rows - span.Start) });
    }

    // Views that are made anew: their number is not bounded, as batches are divided otherwise each time.
    private static Matrix RowsOf(Matrix matrix, AdapterSpan span, int columns) =>
        new(matrix.Tensor.narrow(0, span.Start, span.Count).narrow(1, 0, columns));

    private static PassKey? KeyOf(AdapterSpan span, PassKey? dropout) => dropout is null ? null : span.Key ?? dropout;

    private SharedFactors? FactorsOf(IReadOnlyList<Projection> projections, int adapter)
    {
        AdapterBlock[] blocks = [.. AdapterBlock.Of(projections, projection => _shared.Of(adapter, projection))];
        return blocks.Length == 0 ? null : new SharedFactors(blocks, Rows, Columns, _scratch, _kernels);
    }

    public override void Dispose()
    {
        base.Dispose();
        _base.Dispose();
        foreach (var factors in _factors)
            factors?.Dispose();
    }
}
