using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>
/// Where the factors of fused projections lie: those A one below the other in a matrix [rank, in], those B on the
/// diagonal of a matrix [out, rank].
/// </summary>
internal static class FactorLayout
{
    /// <summary>Tensors of the adapters beside their places in A.</summary>
    public static IEnumerable<FactorBlock> OfA(
        IReadOnlyList<AdapterBlock> adapters, Matrix a, Func<AdapterBlock, Tensor> values) =>
        adapters.Select(adapter => new FactorBlock(values(adapter), 1, a.RowRange(adapter.RankStart, adapter.Rank)));

    /// <summary>Tensors of the adapters beside their places in some rows of B.</summary>
    /// <param name="adapters">All adapters of the fused projections.</param>
    /// <param name="b">[rows, rank]; whole projections.</param>
    /// <param name="firstRow">The output that its first row makes.</param>
    /// <param name="values">The tensor of an adapter.</param>
    public static IEnumerable<FactorBlock> OfB(
        IReadOnlyList<AdapterBlock> adapters, Matrix b, int firstRow, Func<AdapterBlock, Tensor> values) =>
        Within(adapters, b, firstRow).Select(adapter => new FactorBlock(
            values(adapter), adapter.Scale,
            b.RowRange(adapter.RowStart - firstRow, adapter.Rows).ColumnRange(adapter.RankStart, adapter.Rank)));

    /// <summary>The rows of A that belong to no adapter.</summary>
    public static IEnumerable<FactorBlock> ZerosOfA(IReadOnlyList<AdapterBlock> adapters, Matrix a)
    {
        var used = adapters.Sum(adapter => adapter.Rank);
        if (a.Rows > used)
            yield return Zeros(a.RowRange(used, a.Rows - used));
    }

    /// <summary>The places of B that belong to no adapter.</summary>
    public static IEnumerable<FactorBlock> ZerosOfB(IReadOnlyList<AdapterBlock> adapters, Matrix b, int firstRow)
    {
        var row = 0;
        foreach (var pairs in Within(adapters, b, firstRow).GroupBy(adapter => adapter.RowStart))
        {
            var (start, rows) = (pairs.Key - firstRow, pairs.First().Rows);
            var (first, end) = (pairs.First().RankStart, pairs.Last().RankStart + pairs.Last().Rank);
            if (start > row)
                yield return Zeros(b.RowRange(row, start - row));
            row = start + rows;
            var own = b.RowRange(start, rows);
            if (first > 0)
                yield return Zeros(own.ColumnRange(0, first));
            if (end < b.Columns)
                yield return Zeros(own.ColumnRange(end, b.Columns - end));
        }

        if (row < b.Rows)
            yield return Zeros(b.RowRange(row, b.Rows - row));
    }

    private static IEnumerable<AdapterBlock> Within(IReadOnlyList<AdapterBlock> adapters, Matrix b, int firstRow) =>
        adapters.Where(adapter => adapter.RowStart >= firstRow && adapter.RowStart < firstRow + b.Rows);

    private static FactorBlock Zeros(Matrix place) => new(null, 0, place);
}
