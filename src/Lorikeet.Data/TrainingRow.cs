namespace Lorikeet.Data;

/// <summary>One example ready to train on: token ids and, for each, its label.</summary>
/// <param name="Ids">Token ids, special tokens included.</param>
/// <param name="Labels">
/// As long as <paramref name="Ids"/>: the id itself where the token is a target, <see cref="Ignored"/> where it is
/// only read.
/// The label at position t is predicted from position t-1, so the first one never counts.
/// </param>
public sealed record TrainingRow(int[] Ids, int[] Labels)
{
    /// <summary>What is known of its answers, in a row of preference data.</summary>
    /// <value>Null: the answers are simply learned.</value>
    public RowPreference? Preference { get; init; }

    /// <summary>The label of a position that is not a target (the value the Hugging Face stack uses).</summary>
    public const int Ignored = -100;

    /// <summary>Number of tokens.</summary>
    public int Length => Ids.Length;

    /// <summary>Number of targets: labels after the first position that are not <see cref="Ignored"/>.</summary>
    public int TargetCount => Labels.Skip(1).Count(label => label != Ignored);

    /// <summary>Tokens of each row; rows of a token cache are not read for it.</summary>
    /// <param name="rows">The rows.</param>
    public static IReadOnlyList<int> LengthsOf(IReadOnlyList<TrainingRow> rows) =>
        rows is IKnowsLengths known ? known.Lengths : [.. rows.Select(row => row.Length)];
}

/// <summary>Rows that lie elsewhere than in memory, and whose lengths are known without reading them.</summary>
internal interface IKnowsLengths
{
    /// <summary>Tokens of each row.</summary>
    IReadOnlyList<int> Lengths { get; }
}
