using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>
/// Rows of neighbouring adapters, as many of each: what one product over a stack of matrices can do for all.
/// </summary>
/// <param name="First">The first adapter.</param>
/// <param name="Count">How many follow each other.</param>
/// <param name="Start">Its first row.</param>
/// <param name="Rows">Rows of each.</param>
internal readonly record struct StackedRows(int First, int Count, int Start, int Rows)
{
    /// <summary>The rows of several adapters; null where they differ in number or order.</summary>
    public static StackedRows? Of(IReadOnlyList<AdapterSpan> spans, int rows)
    {
        if (spans.Count < 2)
            return null;
        var first = spans[0];
        for (var i = 0; i < spans.Count; i++)
            if (spans[i].Adapter != first.Adapter + i || spans[i].Count != first.Count
                || spans[i].Start != first.Start + i * first.Count)
                return null;
        return first.Start + spans.Count * first.Count <= rows
            ? new StackedRows(first.Adapter, spans.Count, first.Start, first.Count)
            : null;
    }
}

/// <summary>
/// Factors of several adapters of one rank, one after the other: one product over the stack does for all what each
/// would do with a kernel too small to fill a GPU.
/// </summary>
internal sealed class StackedFactors : IDisposable
{
    private readonly IReadOnlyList<SharedFactors> _adapters;
    private readonly IDecoderKernels _kernels;
    private readonly Scratch _scratch;
    private readonly Matrix _a; // [adapters · rank, in]
    private readonly Matrix _b; // [adapters · out, rank]
    private readonly int _rows;
    private readonly int _columns;
    private readonly int _rank;
    private readonly Dictionary<StackedRows, IFactorTable> _gradients = [];

    private StackedFactors(
        IReadOnlyList<IReadOnlyList<AdapterBlock>> adapters, int rows, int columns, Scratch scratch,
        IDecoderKernels kernels)
    {
        (_rows, _columns, _scratch, _kernels) = (rows, columns, scratch, kernels);
        _rank = SharedFactors.RankOf(adapters[0]);
        _a = SharedFactors.Zeros(adapters.Count * _rank, columns, scratch);
        _b = SharedFactors.Zeros(adapters.Count * rows, _rank, scratch);
        scratch.Reserve(ScratchUse.AGradient, (long)_a.Rows * columns);
        scratch.Reserve(ScratchUse.BGradient, (long)_b.Rows * _rank);
        _adapters = [.. adapters.Select((blocks, i) => new SharedFactors(
            blocks, _a.RowRange(i * _rank, _rank), _b.RowRange(i * rows, rows), scratch, kernels))];
    }

    /// <summary>The factors of each.</summary>
    public IReadOnlyList<SharedFactors> Adapters => _adapters;

    /// <summary>Stacks factors; null where an adapter has none, or of another rank, or drops inputs.</summary>
    public static StackedFactors? Of(
        IReadOnlyList<IReadOnlyList<AdapterBlock>> adapters, int rows, int columns, Scratch scratch,
        IDecoderKernels kernels)
    {
        var rank = SharedFactors.RankOf(adapters[0]);
        var fits = adapters.All(blocks => blocks.Count > 0 && SharedFactors.RankOf(blocks) == rank
            && blocks.All(block => block.Dropout == 0));
        return fits ? new StackedFactors(adapters, rows, columns, scratch, kernels) : null;
    }

    /// <summary>Uₐ = Xₐ Aₐᵀ, Yₐ = Uₐ Bₐᵀ.</summary>
    public void Forward(StackedRows range, Matrix x, Matrix u, Matrix y)
    {
        using var input = Stack(x, range, _columns);
        using var hidden = Stack(u, range, _rank);
        using var output = Stack(y, range, _rows);
        using var a = Factors(_a, range, _rank);
        using var b = Factors(_b, range, _rows);
        using var at = a.transpose(1, 2);
        using var bt = b.transpose(1, 2);
        Aten.MultiplyEach(hidden, input, at);
        Aten.MultiplyEach(output, hidden, bt);
    }

    /// <summary>Gₐ = dYₐ Bₐ.</summary>
    public void HiddenGradient(StackedRows range, Matrix dy, Matrix g)
    {
        using var output = Stack(dy, range, _rows);
        using var hidden = Stack(g, range, _rank);
        using var b = Factors(_b, range, _rows);
        Aten.MultiplyEach(hidden, output, b);
    }

    /// <summary>dXₐ = Gₐ Aₐ.</summary>
    public void InputGradient(StackedRows range, Matrix g, Matrix dx)
    {
        using var hidden = Stack(g, range, _rank);
        using var input = Stack(dx, range, _columns);
        using var a = Factors(_a, range, _rank);
        Aten.MultiplyEach(input, hidden, a);
    }

    /// <summary>dAₐ += Gₐᵀ Xₐ, dBₐ += dYₐᵀ Uₐ.</summary>
    public void AddGradients(StackedRows range, Matrix dy, Matrix g, Matrix x, Matrix u)
    {
        using var output = Stack(dy, range, _rows);
        using var hiddenGradient = Stack(g, range, _rank);
        using var input = Stack(x, range, _columns);
        using var hidden = Stack(u, range, _rank);
        var (a, b) = (
            _scratch.Take(ScratchUse.AGradient, range.Count * _rank, _columns),
            _scratch.Take(ScratchUse.BGradient, range.Count * _rows, _rank));
        using var ofA = a.Tensor.view(range.Count, _rank, _columns);
        using var ofB = b.Tensor.view(range.Count, _rows, _rank);
        using var dyt = output.transpose(1, 2);
        using var gt = hiddenGradient.transpose(1, 2);
        Aten.MultiplyEach(ofB, dyt, hidden);
        Aten.MultiplyEach(ofA, gt, input);
        var key = range with { Start = 0, Rows = 0 };
        if (!_gradients.TryGetValue(key, out var table))
            _gradients[key] = table = TableOfGradients(range, a, b);
        table.Accumulate();
    }

    private IFactorTable TableOfGradients(StackedRows range, Matrix a, Matrix b) => _kernels.Factors(
    [
        .. Enumerable.Range(0, range.Count).SelectMany(i => _adapters[range.First + i].GradientsIn(
            a.RowRange(i * _rank, _rank), b.RowRange(i * _rows, _rows))),
    ]);

    /// <summary>[count, rows, columns]: the rows of a matrix that are somebody's, adapter by adapter.</summary>
    private static Tensor Stack(Matrix matrix, StackedRows range, int columns)
    {
        using var rows = matrix.Tensor.narrow(0, range.Start, (long)range.Count * range.Rows);
        using var own = rows.narrow(1, 0, columns);
        return own.view(range.Count, range.Rows, columns);
    }

    /// <summary>[count, rows of each, columns]: the factors of the adapters that take part.</summary>
    private static Tensor Factors(Matrix stack, StackedRows range, int rows)
    {
        using var own = stack.Tensor.narrow(0, (long)range.First * rows, (long)range.Count * rows);
        return own.view(range.Count, rows, stack.Columns);
    }

    public void Dispose()
    {
        foreach (var table in _gradients.Values)
            table.Dispose();
        foreach (var adapter in _adapters)
            adapter.Dispose();
        _a.Dispose();
        _b.Dispose();
    }
}
