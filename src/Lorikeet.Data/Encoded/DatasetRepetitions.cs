using Lorikeet.Data.Reading;

namespace Lorikeet.Data.Encoded;

/// <summary>A row that repeats another.</summary>
/// <param name="Origin">The row.</param>
/// <param name="First">The one before it.</param>
public sealed record RepeatedRow(RowOrigin Origin, RowOrigin First);

/// <summary>
/// What rows have in common although it is written differently: in case, in blanks, in how letters with accents are
/// composed, in the punctuation at the end.
/// </summary>
public sealed record DatasetRepetitions
{
    /// <summary>Rows to train on that say all that an earlier one says.</summary>
    public required IReadOnlyList<RepeatedRow> Duplicates { get; init; }

    /// <summary>Rows to train on that ask what an earlier one asks, and answer otherwise.</summary>
    public required IReadOnlyList<RepeatedRow> OtherAnswers { get; init; }

    /// <summary>Held-out rows that ask what a row to train on asks.</summary>
    public required IReadOnlyList<RepeatedRow> Leaks { get; init; }

    /// <summary>Compares rows.</summary>
    /// <param name="train">Rows to train on, in order.</param>
    /// <param name="eval">Rows held out.</param>
    internal static DatasetRepetitions Of(
        IEnumerable<(RowOrigin Origin, RowKeys Keys)> train, IEnumerable<(RowOrigin Origin, RowKeys Keys)> eval)
    {
        var (contents, questions) = (new Dictionary<UInt128, RowOrigin>(), new Dictionary<UInt128, RowOrigin>());
        var (duplicates, others) = (new List<RepeatedRow>(), new List<RepeatedRow>());
        foreach (var (origin, keys) in train)
        {
            if (!contents.TryAdd(keys.Content, origin))
                duplicates.Add(new RepeatedRow(origin, contents[keys.Content]));
            else if (!questions.TryAdd(keys.Question, origin))
                others.Add(new RepeatedRow(origin, questions[keys.Question]));
        }

        return new DatasetRepetitions
        {
            Duplicates = duplicates,
            OtherAnswers = others,
            Leaks =
            [
                .. eval.Where(row => questions.ContainsKey(row.Keys.Question))
                    .Select(row => new RepeatedRow(row.Origin, questions[row.Keys.Question])),
            ],
        };
    }
}
