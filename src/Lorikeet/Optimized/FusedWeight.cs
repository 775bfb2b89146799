using Lorikeet.Models;
using Lorikeet.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Optimized;

/// <summary>The frozen weights of projections that share an input, one below the other: [out, in].</summary>
internal abstract class FusedWeight(int rows, int columns) : IDisposable
{
    public int Rows => rows;

    public int Columns => columns;

    /// <summary>The matrix in the compute type, valid until the next weight is materialized.</summary>
    public abstract Matrix Materialize();

    public abstract void Dispose();

    /// <summary>Dense weights of the compute type move into one matrix; others are decompressed at each use.</summary>
    public static FusedWeight Of(IReadOnlyList<Projection> projections, Scratch scratch) =>
        projections.All(projection => projection.Weight is DenseWeight dense && dense.Value.dtype == scratch.ElementType)
            ? new DenseFusedWeight([.. projections.Select(projection => (DenseWeight)projection.Weight)])
            : new CompressedFusedWeight([.. projections.Select(projection => projection.Weight)], scratch);

    protected static int RowsOf(IReadOnlyList<FrozenWeight> parts) => (int)parts.Sum(part => part.Rows);
}

/// <summary>Weights that lie in memory as the GEMM wants them.</summary>
internal sealed class DenseFusedWeight : FusedWeight
{
    private readonly Matrix _matrix;

    public DenseFusedWeight(IReadOnlyList<DenseWeight> parts) : base(RowsOf(parts), (int)parts[0].Columns) =>
        _matrix = parts.Count == 1 ? new Matrix(parts[0].Value.alias()) : Join(parts);

    public override Matrix Materialize() => _matrix;

    public override void Dispose() => _matrix.Dispose();

    /// <summary>Copies the parts end to end and makes each a view of its rows, so that no weight exists twice.</summary>
    private static Matrix Join(IReadOnlyList<DenseWeight> parts)
    {
        using var quiet = no_grad();
        var first = parts[0].Value;
        var joined = empty([RowsOf(parts), first.shape[1]], first.dtype, first.device);
        var start = 0L;
        foreach (var part in parts)
        {
            var view = joined.narrow(0, start, part.Rows);
            view.copy_(part.Value);
            start += part.Rows;
            part.MoveTo(view);
        }

        return new Matrix(joined);
    }
}

/// <summary>Weights that are decompressed into a shared matrix at each use.</summary>
internal sealed class CompressedFusedWeight(IReadOnlyList<FrozenWeight> parts, Scratch scratch)
    : FusedWeight(RowsOf(parts), (int)parts[0].Columns)
{
    public override Matrix Materialize()
    {
        var dense = scratch.Take(ScratchUse.Weight, Rows, Columns);
        var start = 0;
        foreach (var part in parts)
        {
            part.CopyTo(dense.RowRange(start, (int)part.Rows).Tensor);
            start += (int)part.Rows;
        }

        return dense;
    }

    public override void Dispose()
    {
    }
}
