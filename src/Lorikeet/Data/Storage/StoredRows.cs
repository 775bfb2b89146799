using System.Collections;
using System.Runtime.InteropServices;
using Lorikeet.Formats;

namespace Lorikeet.Data.Storage;

/// <summary>
/// Rows in files that are mapped into memory: a row is copied out when it is asked for, so a dataset of any size takes
/// no memory beyond the rows in use.
/// </summary>
/// <remarks>
/// <c>ids.bin</c> and <c>labels.bin</c> hold all rows end to end as little-endian 32-bit numbers, <c>rows.bin</c> where
/// each of them ends as 64-bit ones.
/// </remarks>
internal sealed class StoredRows : IReadOnlyList<TrainingRow>, IDisposable
{
    internal const string IdsFile = "ids.bin";
    internal const string LabelsFile = "labels.bin";
    internal const string EndsFile = "rows.bin";

    private readonly MappedFile _ids;
    private readonly MappedFile _labels;
    private readonly MappedFile _ends;

    /// <summary>Opens the files of a folder.</summary>
    /// <exception cref="CheckpointException">One is missing, or shorter than another says.</exception>
    public StoredRows(string folder)
    {
        _ids = new MappedFile(Path.Combine(folder, IdsFile));
        _labels = new MappedFile(Path.Combine(folder, LabelsFile));
        _ends = new MappedFile(Path.Combine(folder, EndsFile));
        Count = checked((int)(_ends.Length / sizeof(long)));
        var bytes = End(Count - 1) * sizeof(int);
        if (_ids.Length != bytes || _labels.Length != bytes || _ends.Length % sizeof(long) != 0)
        {
            throw new CheckpointException(
                $"The token cache in '{folder}' is damaged. Delete the folder, or give --overwrite_cache.");
        }
    }

    /// <inheritdoc/>
    public int Count { get; }

    /// <inheritdoc/>
    public TrainingRow this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
            var (start, end) = (End(index - 1), End(index));
            return new TrainingRow(Numbers(_ids, start, end), Numbers(_labels, start, end));
        }
    }

    /// <inheritdoc/>
    public IEnumerator<TrainingRow> GetEnumerator()
    {
        for (var row = 0; row < Count; row++)
            yield return this[row];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Gives the files back.</summary>
    public void Dispose()
    {
        _ids.Dispose();
        _labels.Dispose();
        _ends.Dispose();
    }

    private long End(int row) =>
        row < 0 ? 0 : MemoryMarshal.Read<long>(_ends.Span((long)row * sizeof(long), sizeof(long)));

    private static int[] Numbers(MappedFile file, long start, long end) =>
        MemoryMarshal.Cast<byte, int>(file.Span(start * sizeof(int), (end - start) * sizeof(int))).ToArray();
}
