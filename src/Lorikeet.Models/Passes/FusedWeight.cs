// The frozen weights of projections that share an input, one below the other, and beside or below them their factors:
//
//     | W  B |    W [out, in], A [rank, in], B [out, rank]
//     | A    |
//
// [X | U] times [W | B] adds the adapter to Y in the same GEMM, and [dY | G] times [W over A] adds it to dX. A border
// lengthens the GEMM a little and saves reading and writing the result once more, so B is there when the result is wider
// than the input, and A when it is narrower. Without borders the three are matrices of their own.
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>Weights and factors of fused projections, in the compute type.</summary>
internal abstract class FusedWeight : IDisposable
{
    private const int RankMultiple = 8; // 16 bytes: what GEMMs and kernels load at once

    protected FusedWeight(IReadOnlyList<FrozenWeight> parts, IReadOnlyList<AdapterBlock> adapters, Scratch scratch)
    {
        (Rows, Columns) = ((int)parts.Sum(part => part.Rows), (int)parts[0].Columns);
        var rank = adapters.Sum(adapter => adapter.Rank);
        Rank = scratch.Borders ? (rank + RankMultiple - 1) / RankMultiple * RankMultiple : rank;
        Right = scratch.Borders && Rows > Columns ? Rank : 0;
        Below = scratch.Borders && Rows < Columns ? Rank : 0;
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

    /// <summary>The rows that are in memory at once: all of them, unless memory is scarce.</summary>
    public abstract IReadOnlyList<WeightBlock> Blocks { get; }

    /// <summary>[rank, in].</summary>
    public abstract Matrix A { get; }

    /// <summary>The factors that must be in their places when a pass begins; others are loaded with their block.</summary>
    public abstract IEnumerable<FactorBlock> Factors { get; }

    /// <summary>Has a block's B in its place and, with the first block, A; valid until another weight loads its own.</summary>
    public abstract void LoadFactors(WeightBlock block);

    /// <summary>Has a block's weights in their place, valid until another block is materialized.</summary>
    public abstract void Materialize(WeightBlock block);

    public abstract void Dispose();

    /// <summary>Dense weights of the compute type move into one matrix; others are decompressed at each use.</summary>
    /// <param name="projections">What is fused.</param>
    /// <param name="adapters">Their adapters.</param>
    /// <param name="scratch">Type, device, and room for what is decompressed.</param>
    /// <param name="kernels">What loads factors.</param>
    public static FusedWeight Of(
        IReadOnlyList<Projection> projections, IReadOnlyList<AdapterBlock> adapters, Scratch scratch, IDecoderKernels kernels)
    {
        FrozenWeight[] parts = [.. projections.Select(projection => projection.Weight)];
        return parts.All(part => part is DenseWeight dense && dense.Value.dtype == scratch.ElementType)
            ? new DenseFusedWeight([.. parts.Cast<DenseWeight>()], adapters, scratch)
            : new CompressedFusedWeight(parts, adapters, scratch, kernels);
    }
}

/// <summary>Some rows of fused weights, whole projections.</summary>
/// <param name="Start">The first row among all.</param>
/// <param name="Weight">[rows, in].</param>
/// <param name="B">[rows, rank].</param>
/// <param name="Whole">The weight with its border: [rows, in + right] or [rows + below, in].</param>
internal sealed record WeightBlock(int Start, Matrix Weight, Matrix B, Matrix Whole)
{
    public int Rows => Weight.Rows;
}
