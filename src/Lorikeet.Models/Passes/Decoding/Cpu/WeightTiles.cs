using Lorikeet.Models.Passes.Cpu;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>
/// Some rows at a time of weights, in the type that a GEMM multiplies: so few that they are still in the cache when it
/// reads them.
/// </summary>
/// <param name="scratch">Room for them, in the type of the GEMM.</param>
internal sealed unsafe class WeightTiles(Scratch scratch)
{
    /// <summary>Numbers of a tile, unless its rows are longer.</summary>
    public const long Elements = 1 << 21;

    /// <summary>Rows of a tile of a weight; its first row begins with a block of codes.</summary>
    public static int RowsOf(FrozenWeight weight)
    {
        var step = weight is FourBitWeight { BlockSize: var block } ? block / Gcd(block, weight.Columns) : 1;
        step = step * Row.Lanes / Gcd(step, Row.Lanes);
        return (int)Math.Max(step, Elements / weight.Columns / step * step);
    }

    /// <summary>
    /// Rows of a weight, valid until the next are taken; the caller leaves them to this.
    /// </summary>
    /// <param name="weight">The weight.</param>
    /// <param name="dense">The same as a matrix, where it is stored as numbers.</param>
    /// <param name="first">The first row, a multiple of <see cref="RowsOf"/>.</param>
    /// <param name="rows">At most <see cref="RowsOf"/>.</param>
    public Matrix Take(FrozenWeight weight, Matrix? dense, int first, int rows)
    {
        if (dense?.ElementType == scratch.ElementType)
            return dense.RowRange(first, rows);
        var tile = scratch.Take(ScratchUse.Weight, rows, (int)weight.Columns);
        if (dense is null)
            Decode((FourBitWeight)weight, first, tile);
        else
            tile.Tensor.copy_(dense.RowRange(first, rows).Tensor);
        return tile;
    }

    private static long Gcd(long a, long b) => b == 0 ? a : Gcd(b, a % b);

    private void Decode(FourBitWeight weight, int first, Matrix tile)
    {
        switch (weight.ElementType, scratch.ElementType)
        {
            case (ScalarType.Float32, ScalarType.Float32):
                Run<FloatElement, float>(weight, first, tile);
                break;
            case (ScalarType.BFloat16, ScalarType.Float32):
                Run<BFloat16Element, float>(weight, first, tile);
                break;
            case (_, ScalarType.Float32):
                Run<HalfRounding, float>(weight, first, tile);
                break;
            case (ScalarType.Float32, _):
                Run<FloatElement, ushort>(weight, first, tile);
                break;
            case (ScalarType.BFloat16, _):
                Run<BFloat16Element, ushort>(weight, first, tile);
                break;
            default:
                Run<HalfRounding, ushort>(weight, first, tile);
                break;
        }
    }

    private static void Run<TElement, TTarget>(FourBitWeight weight, int first, Matrix tile)
        where TElement : struct, IRounding
        where TTarget : unmanaged
    {
        var count = (long)tile.Rows * tile.Columns;
        var work = new DequantizeWork<TElement, TTarget>(weight, first * weight.Columns, count, (TTarget*)tile.Pointer);
        WorkerTeam.Run(work, (int)((count + weight.BlockSize - 1) / weight.BlockSize), weight.BlockSize);
    }
}
