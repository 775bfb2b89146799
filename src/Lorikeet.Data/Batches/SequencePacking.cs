namespace Lorikeet.Data.Batches;

/// <summary>Puts rows together into sequences of at most a given length, best fit first (bin packing).</summary>
/// <remarks>
/// Best-fit decreasing: rows from the longest to the shortest, each into the fullest sequence it still fits into; at
/// most 11/9 of the fewest possible sequences, and deterministic. The rows stay separate segments of a
/// <see cref="Batch"/>.
/// </remarks>
internal static class SequencePacking
{
    /// <summary>Indices of the rows of every sequence.</summary>
    /// <param name="lengths">Tokens of each row.</param>
    /// <param name="capacity">Tokens a sequence may hold; a longer row has a sequence to itself.</param>
    /// <returns>Rows ascending within a sequence, and sequences by their first row.</returns>
    public static IReadOnlyList<int[]> Pack(IReadOnlyList<int> lengths, int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        var sequences = new List<List<int>>();
        var open = new SortedSet<(int Room, int Sequence)>();

        foreach (var row in Enumerable.Range(0, lengths.Count).OrderByDescending(row => lengths[row]))
        {
            var length = lengths[row];
            var (room, sequence) = length <= capacity
                ? open.GetViewBetween((length, 0), (capacity, int.MaxValue)).FirstOrDefault((capacity, sequences.Count))
                : (length, sequences.Count);

            if (sequence == sequences.Count)
                sequences.Add([]);
            else
                open.Remove((room, sequence));
            sequences[sequence].Add(row);
            if (room > length)
                open.Add((room - length, sequence));
        }
        return [.. sequences.Select(rows => rows.Order().ToArray()).OrderBy(rows => rows[0])];
    }
}
