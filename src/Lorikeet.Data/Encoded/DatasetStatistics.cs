using Lorikeet.Data.Reading;

namespace Lorikeet.Data.Encoded;

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

    /// <summary>Tokens of all rows, targets or not.</summary>
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
}
