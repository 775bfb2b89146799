using Lorikeet.Models.Quantization;

namespace Lorikeet.Models.Passes;

/// <summary>
/// Weights that are decompressed at each use, and their factors with them: only their compressed form and the float32
/// factors of training lie in memory for long.
/// </summary>
internal sealed class CompressedFusedWeight : FusedWeight
{
    private readonly IReadOnlyList<AdapterBlock> _adapters;
    private readonly Scratch _scratch;
    private readonly IDecoderKernels _kernels;
    private readonly List<FrozenWeight[]> _parts; // of each block
    private WeightBlock[]? _blocks;
    private Matrix? _a;
    private IFactorTable[]? _factors;

    public CompressedFusedWeight(
        FusedShape shape, IReadOnlyList<FrozenWeight> parts, IReadOnlyList<AdapterBlock> adapters, Scratch scratch,
        IDecoderKernels kernels)
        : base(shape)
    {
        (_adapters, _scratch, _kernels) = (adapters, scratch, kernels);
        _parts = [.. Divide(parts, RowsOfA > 0 ? long.MaxValue : scratch.MostWeights)]; // A lies below one block
        var rows = _parts.Max(block => block.Sum(part => part.Rows));
        scratch.Reserve(ScratchUse.Weight, (rows + RowsOfA) * (Columns + ColumnsOfB));
        scratch.Reserve(ScratchUse.A, (long)Rank * Columns);
        scratch.Reserve(ScratchUse.B, rows * Math.Max(1, Rank));
    }

    public override IReadOnlyList<WeightBlock> Blocks => _blocks ??= [.. Place()];

    public override Matrix A => _a ??= RowsOfA > 0
        ? Blocks[0].Whole.RowRange(Rows, RowsOfA)
        : _scratch.Take(ScratchUse.A, Rank, Columns);

    public override IEnumerable<FactorBlock> Factors => [];

    public override bool IsShared => true;

    /// <summary>All lies in memory that is shared.</summary>
    public override long CopyBytes => 0;

    protected override void Load(WeightBlock block)
    {
        if (Rank == 0)
            return;
        _factors ??= [.. Blocks.Select(each => _kernels.Factors([.. FactorsOf(each)]))];
        _factors[IndexOf(block)].Load();
    }

    protected override void Write(WeightBlock block)
    {
        var start = 0;
        foreach (var part in _parts[IndexOf(block)])
        {
            part.CopyTo(block.Weight.RowRange(start, (int)part.Rows).Tensor);
            start += (int)part.Rows;
        }
    }

    public override void Dispose()
    {
        base.Dispose();
        foreach (var table in _factors ?? [])
            table.Dispose();
    }

    /// <summary>As many projections to a block as stay within so many weights, but at least one.</summary>
    private static IEnumerable<FrozenWeight[]> Divide(IReadOnlyList<FrozenWeight> parts, long most)
    {
        List<FrozenWeight> block = [];
        foreach (var part in parts)
        {
            if (block.Count > 0 && (block.Sum(other => other.Rows) + part.Rows) * part.Columns > most)
            {
                yield return [.. block];
                block.Clear();
            }

            block.Add(part);
        }

        yield return [.. block];
    }

    private int IndexOf(WeightBlock block) => Array.IndexOf(_blocks!, block);

    private IEnumerable<WeightBlock> Place()
    {
        var start = 0;
        foreach (var parts in _parts)
        {
            var rows = (int)parts.Sum(part => part.Rows);
            var whole = _scratch.Take(ScratchUse.Weight, rows + RowsOfA, Columns + ColumnsOfB);
            var b = ColumnsOfB > 0
                ? whole.ColumnRange(Columns, ColumnsOfB)
                : _scratch.Take(ScratchUse.B, rows, Math.Max(1, Rank));
            yield return new WeightBlock(start, whole.RowRange(0, rows).ColumnRange(0, Columns), b, whole);
            start += rows;
        }
    }

    /// <summary>
    /// A with the first block, and a block's own B; what lies between is zero, because others used the memory.
    /// </summary>
    private IEnumerable<FactorBlock> FactorsOf(WeightBlock block)
    {
        var b = FactorLayout.OfB(_adapters, block.B, block.Start, adapter => adapter.B)
            .Concat(FactorLayout.ZerosOfB(_adapters, block.B, block.Start));
        return block.Start > 0
            ? b
            : b.Concat(FactorLayout.OfA(_adapters, A, adapter => adapter.A))
                .Concat(FactorLayout.ZerosOfA(_adapters, A));
    }
}
