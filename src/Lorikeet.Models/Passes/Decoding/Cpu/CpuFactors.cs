using Lorikeet.Models.Native;
using Lorikeet.Models.Passes.Cpu;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>
/// An adapter's factors on projections that share their input, B copied into tiles of outputs: what is added to some
/// outputs of a row lies together.
/// </summary>
/// <typeparam name="T">The compute type.</typeparam>
internal sealed unsafe class CpuFactors<T> : IDisposable where T : unmanaged, IElement<T>
{
    private readonly DecodingAdapters _factors;
    private readonly Tensor _tiles;
    private readonly long[] _starts; // where each projection's tiles begin

    /// <summary>Takes over the factors as they are now.</summary>
    /// <param name="factors">Stay the caller's.</param>
    /// <param name="rows">Outputs of each projection.</param>
    public CpuFactors(DecodingAdapters factors, IReadOnlyList<int> rows)
    {
        (_factors, _starts) = (factors, new long[rows.Count]);
        var length = 0L;
        for (var i = 0; i < rows.Count; i++)
        {
            _starts[i] = length;
            length += (long)(rows[i] + Row.Lanes - 1) / Row.Lanes * Row.Lanes * factors.RankOf(i);
        }

        _tiles = zeros([length], factors.B!.ElementType, CPU).DetachFromDisposeScope();
        var row = 0;
        for (var i = 0; i < rows.Count; row += rows[i++])
            if (factors.RankOf(i) > 0)
                Copy(new Rows<T>(factors.B.RowRange(row, rows[i])), rows[i], factors.RankOf(i), First + _starts[i]);
    }

    /// <summary>A of all projections, [<see cref="Rank"/>, in].</summary>
    public Matrix A => _factors.A!;

    /// <summary>Sum of the ranks.</summary>
    public int Rank => _factors.Rank;

    private T* First => (T*)TensorMemory.Pointer(_tiles);

    /// <summary>What is added to a row at a projection.</summary>
    /// <param name="projection">Which.</param>
    /// <param name="hidden">A x, [<see cref="Rank"/>].</param>
    public RowFactor<T> Of(int projection, float* hidden) => new()
    {
        B = First + _starts[projection],
        Hidden = hidden + _factors.FirstRank(projection),
        Rank = _factors.RankOf(projection),
    };

    public void Dispose() => _tiles.Dispose();

    private static void Copy(Rows<T> b, int rows, int rank, T* tiles)
    {
        for (var row = 0; row < rows; row++)
        {
            T* from = b[row], to = tiles + (long)(row / Row.Lanes) * Row.Lanes * rank + row % Row.Lanes;
            for (var i = 0; i < rank; i++)
                to[i * Row.Lanes] = from[i];
        }
    }
}
