using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Decoding;

/// <summary>Which adapter each row is read with.</summary>
/// <param name="numbers">int64 [rows] in memory of the device: the number of an adapter, or -1.</param>
/// <param name="turn">int64 [1] in memory of the device: the number of the step, another for each.</param>
internal sealed class RowAdapters(Tensor numbers, Tensor turn)
{
    private readonly List<AdapterRun> _runs = [];

    /// <summary>int64 [rows] in memory of the device: the number of an adapter, or -1.</summary>
    public Tensor Numbers => numbers;

    /// <summary>int64 [1] in memory of the device: the number of the step, another for each.</summary>
    public Tensor Turn => turn;

    /// <summary>The same for the host: rows that have an adapter, as long as the next has the same.</summary>
    public IReadOnlyList<AdapterRun> Runs => _runs;

    /// <summary>Takes note of the numbers of a step.</summary>
    public void Note(ReadOnlySpan<long> rows)
    {
        _runs.Clear();
        for (int start = 0, end; start < rows.Length; start = end)
        {
            for (end = start + 1; end < rows.Length && rows[end] == rows[start];)
                end++;
            if (rows[start] >= 0)
                _runs.Add(new AdapterRun((int)rows[start], start, end - start));
        }
    }
}

/// <summary>Rows next to each other that are read with the same adapter.</summary>
/// <param name="Adapter">Its number.</param>
/// <param name="Start">The first row.</param>
/// <param name="Count">How many.</param>
internal readonly record struct AdapterRun(int Adapter, int Start, int Count);
