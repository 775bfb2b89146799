using Lorikeet.Models.Decoder;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Models.Passes;

/// <summary>The shape of weights that share an input and of their factors (FusedWeight.cs).</summary>
/// <param name="Rows">Output features of all.</param>
/// <param name="Columns">Input features.</param>
/// <param name="Rank">
/// The sum of the ranks, rounded up where weights are augmented; what is beyond the ranks is zero.
/// </param>
/// <param name="ColumnsOfB"><paramref name="Rank"/> when B lies beside W, else 0.</param>
/// <param name="RowsOfA"><paramref name="Rank"/> when A lies below W, else 0.</param>
internal readonly record struct FusedShape(int Rows, int Columns, int Rank, int ColumnsOfB, int RowsOfA)
{
    private const int RankMultiple = 8; // 16 bytes: what GEMMs and kernels load at once

    /// <summary>The shape of some projections.</summary>
    /// <param name="projections">Projections that share an input, in order.</param>
    /// <param name="augments">Whether weights are augmented by their factors.</param>
    public static FusedShape Of(IReadOnlyList<Projection> projections, bool augments)
    {
        var (rows, columns) = (
            (int)projections.Sum(projection => projection.Weight.Rows), (int)projections[0].Weight.Columns);
        var ranks = projections.Sum(AdapterBlock.RankOf);
        var rank = augments ? (ranks + RankMultiple - 1) / RankMultiple * RankMultiple : ranks;
        var beside = augments && projections[0].Weight is not Float8Weight ? rank : 0; // factors are not FP8
        return new(rows, columns, rank, rows > columns ? beside : 0, rows < columns ? beside : 0);
    }
}
