// The frozen weights of projections that share an input, one below the other, and beside or below them their factors:
//
//     | W  B |    W [out, in], A [rank, in], B [out, rank]
//     | A    |
//
// [X | U] times [W | B] adds the adapter to Y in the same GEMM, and [dY | G] times [W over A] adds it to dX. A border
// lengthens the GEMM a little and saves reading and writing the result once more, so B is there when the result is wider
// than the input, and A when it is narrower. Without borders the three are matrices of their own.
using Lorikeet.Models;
using Lorikeet.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Optimized;

/// <summary>Weights and factors of fused projections, in the compute type.</summary>
internal abstract class FusedWeight : IDisposable
{
    private const int RankMultiple = 8; // 16 bytes: what GEMMs and kernels load at once

    protected FusedWeight(int rows, int columns, int rank, Scratch scratch)
    {
        (Rows, Columns) = (rows, columns);
        Rank = scratch.Borders ? (rank + RankMultiple - 1) / RankMultiple * RankMultiple : rank;
        Right = scratch.Borders && rows > columns ? Rank : 0;
        Below = scratch.Borders && rows < columns ? Rank : 0;
    }

    /// <summary>Output features.</summary>
    public int Rows { get; }

    /// <summary>Input features.</summary>
    public int Columns { get; }

    /// <summary>The sum of the ranks, rounded up where borders want it; what is beyond the ranks is zero.</summary>
    public int Rank { get; }

    /// <summary><see cref="Rank"/> when B lies beside W, else 0.</summary>
    public int Right { get; }

    /// <summary><see cref="Rank"/> when A lies below W, else 0.</summary>
    public int Below { get; }

    /// <summary>[rank, in].</summary>
    public abstract Matrix A { get; }

    /// <summary>[out, rank], times the scale.</summary>
    public abstract Matrix B { get; }

    /// <summary>[out + below, in + right], valid until the next weight is materialized.</summary>
    public abstract Matrix Materialize();

    public abstract void Dispose();

    /// <summary>Dense weights of the compute type move into one matrix; others are decompressed at each use.</summary>
    /// <param name="projections">What is fused.</param>
    /// <param name="rank">The sum of the ranks of their adapters.</param>
    /// <param name="scratch">Type, device, and room for what is decompressed.</param>
    public static FusedWeight Of(IReadOnlyList<Projection> projections, int rank, Scratch scratch) =>
        projections.All(projection => projection.Weight is DenseWeight dense && dense.Value.dtype == scratch.ElementType)
            ? new DenseFusedWeight([.. projections.Select(projection => (DenseWeight)projection.Weight)], rank, scratch)
            : new CompressedFusedWeight([.. projections.Select(projection => projection.Weight)], rank, scratch);

    protected static int RowsOf(IReadOnlyList<FrozenWeight> parts) => (int)parts.Sum(part => part.Rows);

    /// <summary>A matrix of zeros for factors that lie outside the weights.</summary>
    protected static Matrix Zeros(int rows, int columns, Scratch scratch) =>
        new(zeros([Math.Max(1, rows), Math.Max(1, columns)], scratch.ElementType, scratch.Device));
}

/// <summary>Weights that lie in memory as the GEMM wants them.</summary>
internal sealed class DenseFusedWeight : FusedWeight
{
    private readonly Matrix _joined;
    private readonly Matrix _matrix; // with its border

    public DenseFusedWeight(IReadOnlyList<DenseWeight> parts, int rank, Scratch scratch)
        : base(RowsOf(parts), (int)parts[0].Columns, rank, scratch)
    {
        _joined = parts.Count == 1 && Right + Below == 0 ? new Matrix(parts[0].Value.alias()) : Join(parts);
        _matrix = _joined.Bordered ?? _joined;
        A = Below > 0 ? _matrix.RowRange(Rows, Below) : Zeros(Rank, Columns, scratch);
        B = Right > 0 ? _matrix.ColumnRange(Columns, Right) : Zeros(Rows, Rank, scratch);
    }

    public override Matrix A { get; }

    public override Matrix B { get; }

    public override Matrix Materialize() => _matrix;

    public override void Dispose()
    {
        A.Dispose();
        B.Dispose();
        _joined.Dispose();
    }

    /// <summary>Copies the parts end to end and makes each a view of its rows, so that no weight exists twice.</summary>
    private Matrix Join(IReadOnlyList<DenseWeight> parts)
    {
        using var quiet = no_grad();
        var first = parts[0].Value;
        var bordered = Matrix.CreateBordered(Rows + Below, Columns, Right, first.dtype, first.device);
        if (Below > 0) bordered.Tensor.narrow(0, Rows, Below).zero_();
        var start = 0;
        foreach (var part in parts)
        {
            var view = bordered.Tensor.narrow(0, start, part.Rows);
            view.copy_(part.Value);
            start += (int)part.Rows;
            part.MoveTo(view);
        }

        return bordered;
    }
}

/// <summary>Weights that are decompressed into a shared matrix at each use.</summary>
internal sealed class CompressedFusedWeight(IReadOnlyList<FrozenWeight> parts, int rank, Scratch scratch)
    : FusedWeight(RowsOf(parts), (int)parts[0].Columns, rank, scratch)
{
    private readonly Scratch _scratch = scratch;
    private Matrix? _a;
    private Matrix? _b;

    public override Matrix A => _a ??= Zeros(Rank, Columns, _scratch);

    public override Matrix B => _b ??= Zeros(Rows, Rank, _scratch);

    public override Matrix Materialize()
    {
        var whole = _scratch.Take(ScratchUse.Weight, Rows + Below, Columns + Right);
        var start = 0;
        foreach (var part in parts)
        {
            part.CopyTo(whole.RowRange(start, (int)part.Rows).ColumnRange(0, Columns).Tensor);
            start += (int)part.Rows;
        }

        if (Below > 0) whole.RowRange(Rows, Below).Tensor.copy_(A.Tensor);
        if (Right > 0) whole.ColumnRange(Columns, Right).Tensor.copy_(B.Tensor);
        return whole;
    }

    public override void Dispose()
    {
        _a?.Dispose();
        _b?.Dispose();
    }
}
