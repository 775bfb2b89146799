// Projections that read the same input, with the factors of several adapters beside them. The rows X of a batch are
// those of adapter 0, then those of adapter 1 and so on; of each, Xₐ are its own rows, and Aₐ, Bₐ its factors as in
// FactoredLinear.cs:
//
//     forward     Uₐ = Xₐ Aₐᵀ    Yₐ = Uₐ Bₐᵀ     Y += X Wᵀ
//     backward    Gₐ = dYₐ Bₐ    dXₐ = Gₐ Aₐ    dX += dY W    dAₐ = Gₐᵀ Xₐ    dBₐ = dYₐᵀ Uₐ
//
// The frozen weight is read, or decompressed, once for all of them; its product comes last, because it can add to what
// it finds at no cost, and a thin product cannot. The products with factors are those that each adapter would make
// alone, on the same numbers: what one adapter learns, or breaks, no other sees. Adapters of one rank with as many rows
// each have theirs stacked (StackedFactors.cs).
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
    private readonly StackedFactors? _stack;
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
        AdapterBlock[][] blocks = [.. Enumerable.Range(0, shared.Count).Select(adapter =>
            AdapterBlock.Of(projections, projection => shared.Of(adapter, projection)).ToArray())];
        _stack = StackedFactors.Of(blocks, Rows, Columns, scratch, kernels);
        _factors = _stack is null
            ? [.. blocks.Select(own =>
                own.Length == 0 ? null : new SharedFactors(own, Rows, Columns, scratch, kernels))]
            : [.. _stack.Adapters];
        Rank = _factors.Max(factors => factors?.Rank ?? 0);
        MaskedColumns = _factors.Any(factors => factors is { HasDropout: true }) ? Columns : 0;
    }

    public override int Rows => _base.Rows;

    public override int Columns => _base.Columns;

    /// <summary>The largest sum of ranks: each adapter uses its rows of the same columns.</summary>
    public override int Rank { get; }

    /// <summary>False: its adapters have rows of their own.</summary>
    public override bool Divides => false;

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

    /// <summary>Yₐ = Uₐ Bₐᵀ, Y += X Wᵀ.</summary>
    protected override void Multiply(Matrix x, Matrix? kept, Matrix y, PassKey? dropout)
    {
        ClearOthers(y, Rows);
        if (Stacked(x) is { } range)
            _stack!.Forward(range, x, kept!, y);
        else
            foreach (var (factors, span) in Adapted(x))
            {
                using var own = RowsOf(x, span, Columns);
                using var u = RowsOf(kept!, span, factors.Rank);
                using var result = RowsOf(y, span, Rows);
                ProjectDown(factors, own, u, KeyOf(span, dropout));
                Aten.Multiply(result.Tensor, u.Tensor, factors.B.Transposed);
            }

        _base.AddBase(x, y);
    }

    /// <summary>Gₐ = dYₐ Bₐ.</summary>
    public override Matrix? HiddenGradient(Matrix dy, Matrix? kept, Matrix? g)
    {
        if (Stacked(dy) is { } range)
        {
            _stack!.HiddenGradient(range, dy, g!);
            return g;
        }

        foreach (var (factors, span) in Adapted(dy))
        {
            using var own = RowsOf(dy, span, Rows);
            using var hidden = RowsOf(g!, span, factors.Rank);
            Aten.Multiply(hidden.Tensor, own.Tensor, factors.B.Tensor);
        }

        return g;
    }

    /// <summary>dXₐ = Gₐ Aₐ, dX += dY W.</summary>
    public override Matrix? InputGradient(Matrix dy, Matrix? kept, Matrix? g, Matrix dx, PassKey? dropout)
    {
        HiddenGradient(dy, kept, g);
        ClearOthers(dx, Columns);
        if (Stacked(dy) is { } range)
            _stack!.InputGradient(range, g!, dx);
        else
            foreach (var (factors, span) in Adapted(dy))
            {
                using var hidden = RowsOf(g!, span, factors.Rank);
                using var result = RowsOf(dx, span, Columns);
                BeginInputGradient(factors, hidden, result, KeyOf(span, dropout));
            }

        _base.AddBaseGradient(dy, dx);
        return g;
    }

    /// <summary>dAₐ = Gₐᵀ Xₐ, dBₐ = dYₐᵀ Uₐ.</summary>
    protected override void AddGradientsOfWeights(Matrix dy, Matrix? g, Matrix x, Matrix? kept, PassKey? dropout)
    {
        if (Stacked(dy) is { } range)
        {
            _stack!.AddGradients(range, dy, g!, x, kept!);
            return;
        }

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

    private void BeginInputGradient(SharedFactors factors, Matrix g, Matrix dx, PassKey? dropout)
    {
        if (dropout is not { } key || !factors.HasDropout)
        {
            Aten.Multiply(dx.Tensor, g.Tensor, factors.A.Tensor);
            return;
        }

        dx.Tensor.Clear();
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

    /// <summary>The rows of all adapters, where one product over a stack can do for them.</summary>
    private StackedRows? Stacked(Matrix matrix) =>
        _stack is null ? null : StackedRows.Of(_shared.Spans, matrix.Rows);

    /// <summary>Zeros in the rows to which no factor writes.</summary>
    private void ClearOthers(Matrix matrix, int columns)
    {
        var next = 0;
        foreach (var span in Adapted(matrix).Select(own => own.Span).Append(new AdapterSpan(-1, matrix.Rows, 0, null)))
        {
            if (span.Start > next)
            {
                using var others = RowsOf(matrix, span with { Start = next, Count = span.Start - next }, columns);
                others.Tensor.Clear();
            }

            next = span.Start + span.Count;
        }
    }

    public override void Dispose()
    {
        base.Dispose();
        _base.Dispose();
        if (_stack is not null)
            _stack.Dispose();
        else
            foreach (var factors in _factors)
                factors?.Dispose();
    }
}
