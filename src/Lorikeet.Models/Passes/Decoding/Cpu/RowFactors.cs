using Lorikeet.Models.Passes.Cpu;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>What adapters add to each row of a product: room that all products of a step share.</summary>
/// <typeparam name="T">The compute type.</typeparam>
internal sealed unsafe class RowFactors<T> : IDisposable where T : unmanaged, IElement<T>
{
    private readonly List<ProjectDownPart<T>> _parts = [];
    private RowFactor<T>[] _rows = [];
    private Tensor _hidden = zeros([0], ScalarType.Float32, CPU).DetachFromDisposeScope();

    /// <summary>
    /// Computes u = A x of the rows that have an adapter; returns what B makes of them, [projections, rows] in pinned
    /// memory until the next call, or null where no row has any.
    /// </summary>
    /// <param name="factors">By the number of the adapter; null where it has none here.</param>
    /// <param name="projections">How many share x.</param>
    /// <param name="x">[rows, in].</param>
    /// <param name="adapters">Those of the rows.</param>
    public RowFactor<T>* ProjectDown(
        CpuFactors<T>?[] factors, int projections, Matrix x, IReadOnlyList<AdapterRun> adapters)
    {
        var pitch = 0;
        foreach (var run in adapters)
            pitch = Math.Max(pitch, factors[run.Adapter]?.Rank ?? 0);
        if (pitch == 0)
            return null;
        var hidden = Hidden((long)x.Rows * pitch);
        if (_rows.Length < projections * x.Rows)
            _rows = GC.AllocateArray<RowFactor<T>>(projections * x.Rows, pinned: true);
        Array.Clear(_rows, 0, projections * x.Rows);
        _parts.Clear();
        foreach (var run in adapters)
        {
            if (factors[run.Adapter] is not { } own)
                continue;
            Divide(own, run);
            for (var row = run.Start; row < run.Start + run.Count; row++)
                for (var i = 0; i < projections; i++)
                    _rows[i * x.Rows + row] = own.Of(i, hidden + (long)row * pitch);
        }

        fixed (ProjectDownPart<T>* parts = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_parts))
            WorkerTeam.Run(
                new ProjectDownWork<T>(parts, new(x), hidden, pitch), _parts.Count,
                (long)x.Columns * ProjectDownPart<T>.MostRanks);
        fixed (RowFactor<T>* rows = _rows)
            return rows; // pinned for good
    }

    public void Dispose() => _hidden.Dispose();

    private void Divide(CpuFactors<T> factors, AdapterRun run)
    {
        const int ranks = ProjectDownPart<T>.MostRanks, rows = ProjectDownPart<T>.MostRows;
        var a = new Rows<T>(factors.A);
        for (var row = 0; row < run.Count; row += rows)
            for (var rank = 0; rank < factors.Rank; rank += ranks)
                _parts.Add(new ProjectDownPart<T>
                {
                    A = a[rank],
                    Pitch = factors.A.Pitch,
                    Ranks = Math.Min(ranks, factors.Rank - rank),
                    Rank = rank,
                    Row = run.Start + row,
                    Rows = Math.Min(rows, run.Count - row),
                });
    }

    private float* Hidden(long elements)
    {
        if (_hidden.NumberOfElements < elements)
        {
            _hidden.Dispose();
            _hidden = zeros([elements], ScalarType.Float32, CPU).DetachFromDisposeScope();
        }

        return (float*)Native.TensorMemory.Pointer(_hidden);
    }
}
