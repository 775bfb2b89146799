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
internal sealed class StoredRows : IReadOnlyList<TrainingRow>, IKnowsLengths, IDisposable
{
    internal const string IdsFile = "ids.bin";
    internal const string LabelsFile = "labels.bin";
    internal const string EndsFile = "rows.bin";

    private readonly MappedFile _ids;
    private readonly MappedFile _labels;
    private readonly MappedFile _ends;
    private int[]? _lengths;

    /// <summary>Opens the files of a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="vocabularySize">Rows of the model's embedding, which every number must name one of.</param>
    /// <exception cref="CheckpointException">One is missing, or does not fit the others or the model.</exception>
    public StoredRows(string folder, int vocabularySize)
    {
        _ids = new MappedFile(Path.Combine(folder, IdsFile));
        _labels = new MappedFile(Path.Combine(folder, LabelsFile));
        _ends = new MappedFile(Path.Combine(folder, EndsFile));
        Count = checked((int)(_ends.Length / sizeof(long)));
        if (Problem(vocabularySize) is not { } problem)
            return;
        Dispose();
        throw new CheckpointException(
            $"The token cache in '{folder}' is damaged: {problem}. Delete the folder, or set 'overwrite_cache'.");
    }

    /// <inheritdoc/>
    public int Count { get; }

    /// <inheritdoc/>
    public IReadOnlyList<int> Lengths =>
        _lengths ??= [.. Enumerable.Range(0, Count).Select(row => (int)(End(row) - End(row - 1)))];

    /// <inheritdoc/>
    public TrainingRow this[int index] => new(Ids(index).ToArray(), Labels(index).ToArray());

    /// <summary>The ids of a row where they lie; valid until this is disposed.</summary>
    public ReadOnlySpan<int> Ids(int index) => Numbers(_ids, index);

    /// <summary>The labels of a row where they lie; valid until this is disposed.</summary>
    public ReadOnlySpan<int> Labels(int index) => Numbers(_labels, index);

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

    /// <summary>
    /// What would read or write outside buffers, whatever the checksums say; null when nothing would.
    /// </summary>
    private string? Problem(int vocabularySize)
    {
        if (_ends.Length % sizeof(long) != 0 || _ids.Length % sizeof(int) != 0 || _labels.Length != _ids.Length)
            return "the lengths of its files contradict each other";
        for (var row = 0; row < Count; row++)
        {
            if (End(row) < End(row - 1) || End(row) > _ids.Length / sizeof(int))
                return $"row {row} ends at {End(row)}";
        }

        if (End(Count - 1) * sizeof(int) != _ids.Length)
            return "it holds tokens of no row";
        return Outside(_ids, vocabularySize, allowed: 0) is { } id ? $"token {id} is not among {vocabularySize}"
            : Outside(_labels, vocabularySize, allowed: TrainingRow.Ignored) is { } label
                ? $"label {label} is not among {vocabularySize}"
            : null;
    }

    private static int? Outside(MappedFile file, int vocabularySize, int allowed)
    {
        const int chunk = 1 << 26;
        for (var start = 0L; start < file.Length; start += chunk)
        {
            var numbers = MemoryMarshal.Cast<byte, int>(file.Span(start, Math.Min(chunk, file.Length - start)));
            foreach (var number in numbers)
            {
                if ((uint)number >= (uint)vocabularySize && number != allowed)
                    return number;
            }
        }

        return null;
    }

    private long End(int row) =>
        row < 0 ? 0 : MemoryMarshal.Read<long>(_ends.Span((long)row * sizeof(long), sizeof(long)));

    private ReadOnlySpan<int> Numbers(MappedFile file, int row)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(row);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, Count);
        var (start, end) = (End(row - 1), End(row));
        return MemoryMarshal.Cast<byte, int>(file.Span(start * sizeof(int), (end - start) * sizeof(int)));
    }
}
