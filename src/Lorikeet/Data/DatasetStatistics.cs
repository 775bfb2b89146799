using Lorikeet.Data.Reading;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Data;

/// <summary>Rows that are not learned from, all for the same reason.</summary>
/// <param name="Reason">The reason, in words.</param>
/// <param name="Rows">How many.</param>
/// <param name="First">The first of them.</param>
public sealed record DroppedRows(string Reason, int Rows, RowOrigin First);

/// <summary>What a dataset became, in numbers.</summary>
public sealed record DatasetStatistics
{
    /// <summary>Rows read.</summary>
    public required int RowsRead { get; init; }

    /// <summary>Rows to learn from; a long document may have become several.</summary>
    public required int Rows { get; init; }

    /// <summary>All tokens.</summary>
    public required long Tokens { get; init; }

    /// <summary>Tokens that are learned.</summary>
    public required long TargetTokens { get; init; }

    /// <summary>Tokens of the longest row.</summary>
    public required int LongestRow { get; init; }

    /// <summary>Half of the rows have at most this many tokens.</summary>
    public required int MedianRow { get; init; }

    /// <summary>Rows cut to the limit.</summary>
    public required int TruncatedRows { get; init; }

    /// <summary>Documents that go on in further rows.</summary>
    public required int ContinuedDocuments { get; init; }

    /// <summary>Rows whose tokens are those of an earlier row.</summary>
    public required int DuplicateRows { get; init; }

    /// <summary>Rows whose last target is an end token or another special token, in [0, 1].</summary>
    public required double EndingShare { get; init; }

    /// <summary>Rows that wrote out the begin token the tokenizer adds too; one of the two was removed.</summary>
    public required int SecondBegins { get; init; }

    /// <summary>Rows that are not learned from, by reason.</summary>
    public required IReadOnlyList<DroppedRows> Dropped { get; init; }

    internal static DatasetStatistics Of(IReadOnlyList<EncodedExample> examples, Tokenizer? tokenizer)
    {
        var rows = examples.SelectMany(example => example.Rows).ToArray();
        var lengths = rows.Select(row => row.Length).Order().ToArray();
        return new DatasetStatistics
        {
            RowsRead = examples.Count,
            Rows = rows.Length,
            Tokens = lengths.Sum(length => (long)length),
            TargetTokens = rows.Sum(row => (long)row.TargetCount),
            LongestRow = lengths.LastOrDefault(),
            MedianRow = lengths.Length == 0 ? 0 : lengths[(lengths.Length - 1) / 2],
            TruncatedRows = examples.Count(example => example.IsTruncated),
            ContinuedDocuments = examples.Count(example => example.Rows.Count > 1),
            DuplicateRows = rows.Length - rows.Select(row => TokenHash.Of(row.Ids)).Distinct().Count(),
            EndingShare = rows.Length == 0 ? 0 : rows.Count(row => EndsInSpecial(row, tokenizer)) / (double)rows.Length,
            SecondBegins = examples.Count(example => example.HadSecondBegin),
            Dropped =
            [
                .. examples.Where(example => example.DropReason is not null)
                    .GroupBy(example => example.DropReason!)
                    .Select(group => new DroppedRows(group.Key, group.Count(), group.First().Origin))
                    .OrderByDescending(dropped => dropped.Rows),
            ],
        };
    }

    private static bool EndsInSpecial(TrainingRow row, Tokenizer? tokenizer)
    {
        var last = Array.FindLast(row.Labels, label => label != TrainingRow.Ignored);
        return row.TargetCount > 0 && last < tokenizer?.VocabularySize && tokenizer.IsSpecial(last);
    }
}
