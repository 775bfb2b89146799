namespace Lorikeet.Data.Batches;

/// <summary>
/// Rows laid end to end without padding. Each row is a segment: positions restart at its beginning and attention sees
/// nothing outside it, so it makes no difference to an example what it shares a batch with.
/// </summary>
/// <param name="Ids">Token ids of all rows, in order.</param>
/// <param name="Labels">
/// As long as <paramref name="Ids"/>; the first label of every segment is <see cref="TrainingRow.Ignored"/>, because no
/// token of its own row stands before it to predict it from.
/// </param>
/// <param name="SegmentStarts">
/// Where each segment begins, and the total length as the last element: segment i is
/// [SegmentStarts[i], SegmentStarts[i + 1]).
/// </param>
/// <param name="TargetCount">Labels that are not <see cref="TrainingRow.Ignored"/>.</param>
public sealed record Batch(int[] Ids, int[] Labels, int[] SegmentStarts, int TargetCount)
{
    /// <summary>
    /// With how many tokens of the segment before it each segment begins; they are read there and not repeated, so that
    /// answers to one prompt share it. The label of a segment's first own token then counts.
    /// </summary>
    /// <value>Null: segments share nothing.</value>
    public int[]? SharedPrefixes { get; init; }

    /// <summary>Number of tokens.</summary>
    public int TokenCount => Ids.Length;

    /// <summary>Number of segments.</summary>
    public int SegmentCount => SegmentStarts.Length - 1;

    /// <summary>Lays rows end to end; the two answers of a pair are segments of their own.</summary>
    /// <exception cref="ArgumentException">There is no row, a row is empty, or its labels differ in length.</exception>
    public static Batch FromRows(IReadOnlyList<TrainingRow> rows)
    {
        if (rows.Count == 0)
            throw new ArgumentException("A batch needs at least one row.", nameof(rows));

        List<int> starts = [0];
        for (var i = 0; i < rows.Count; i++)
        {
            var (start, length) = (starts[^1], LengthOf(rows[i], i));
            if (rows[i].Preference?.RejectedStart is { } rejected)
                starts.Add(start + rejected);
            starts.Add(checked(start + length));
        }

        int[] ids = [.. rows.SelectMany(row => row.Ids)];
        int[] labels = [.. rows.SelectMany(row => row.Labels)];
        foreach (var start in starts.Take(starts.Count - 1))
            labels[start] = TrainingRow.Ignored;
        return new Batch(ids, labels, [.. starts], labels.Count(label => label != TrainingRow.Ignored));
    }

    /// <summary>
    /// Lays answers to questions end to end; those that follow an answer to their own question read it there, and do
    /// not repeat it.
    /// </summary>
    /// <param name="rows">Rows of one segment each.</param>
    /// <param name="shared">With how many tokens of the row before it each begins; 0 of the first.</param>
    /// <exception cref="ArgumentException">A row is shared whole, or its labels differ in length.</exception>
    public static Batch FromRows(IReadOnlyList<TrainingRow> rows, IReadOnlyList<int> shared)
    {
        var (ids, labels, starts) = (new List<int>(), new List<int>(), new List<int> { 0 });
        for (var i = 0; i < rows.Count; i++)
        {
            if (LengthOf(rows[i], i) <= shared[i])
                throw new ArgumentException($"Row {i} has no token of its own.", nameof(shared));
            ids.AddRange(rows[i].Ids.AsSpan(shared[i]));
            labels.AddRange(rows[i].Labels.AsSpan(shared[i]));
            if (shared[i] == 0)
                labels[starts[i]] = TrainingRow.Ignored;
            starts.Add(ids.Count);
        }

        return new Batch([.. ids], [.. labels], [.. starts], labels.Count(label => label != TrainingRow.Ignored))
        {
            SharedPrefixes = [.. shared],
        };
    }

    /// <summary>
    /// The same rows followed by segments without targets, so that the total is a multiple of
    /// <paramref name="multiple"/>: shapes then recur, which is what kernels compiled for a shape need. No row sees
    /// them and they have no gradient.
    /// </summary>
    public Batch FilledTo(int multiple)
    {
        var missing = (multiple - TokenCount % multiple) % multiple;
        if (missing == 0)
            return this;

        var starts = SegmentStarts.ToList();
        var longest = Enumerable.Range(0, SegmentCount).Max(i => SegmentStarts[i + 1] - SegmentStarts[i]);
        for (var left = missing; left > 0; left -= longest)
            starts.Add(starts[^1] + Math.Min(left, longest));
        return this with
        {
            Ids = [.. Ids, .. Enumerable.Repeat(Ids[0], missing)],
            Labels = [.. Labels, .. Enumerable.Repeat(TrainingRow.Ignored, missing)],
            SegmentStarts = [.. starts],
            SharedPrefixes = SharedPrefixes is { } shared
                ? [.. shared, .. Enumerable.Repeat(0, starts.Count - 1 - shared.Length)]
                : null,
        };
    }

    private static int LengthOf(TrainingRow row, int index)
    {
        if (row.Length == 0 || row.Labels.Length != row.Length)
        {
            throw new ArgumentException(
                $"Row {index} has {row.Length} ids and {row.Labels.Length} labels; a row needs at least one id " +
                "and a label for each.",
                nameof(row));
        }
        return row.Length;
    }
}
