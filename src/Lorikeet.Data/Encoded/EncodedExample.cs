using Lorikeet.Data.Reading;

namespace Lorikeet.Data.Encoded;

/// <summary>What became of one row of the data.</summary>
/// <param name="Origin">Where it was read.</param>
/// <param name="Rows">Usually one; several for a document that is continued, none for a row that was dropped.</param>
internal sealed record EncodedExample(RowOrigin Origin, IReadOnlyList<TrainingRow> Rows)
{
    /// <summary>The reason of rows that <c>truncation_mode: drop</c> leaves out.</summary>
    public const string TooLong = "longer than max_length";

    /// <summary>The reason of completions that the data itself labels as undesirable.</summary>
    public const string Unwanted = "labelled as undesirable";

    /// <summary>Why nothing is learned from the row.</summary>
    public string? DropReason { get; init; }

    /// <summary>Whether it was longer than the limit and cut.</summary>
    public bool IsTruncated { get; init; }

    /// <summary>Whether its text wrote out the begin token that the tokenizer adds too.</summary>
    public bool HadSecondBegin { get; init; }

    /// <summary>What it asks and says, where somebody compares rows.</summary>
    public RowKeys? Keys { get; init; }

    public static EncodedExample Dropped(RowOrigin origin, string reason) => new(origin, []) { DropReason = reason };
}
