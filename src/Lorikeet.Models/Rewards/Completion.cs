namespace Lorikeet.Models.Rewards;

/// <summary>An answer that a model drew to a question, to be rewarded.</summary>
public sealed record Completion
{
    /// <summary>The question as a person reads it.</summary>
    public required string Question { get; init; }

    /// <summary>What the model said, without special tokens, stop strings and blanks around it.</summary>
    public required string Text { get; init; }

    /// <summary>Texts that count as right, as the data has them; empty where it has none.</summary>
    public required IReadOnlyList<string> Answers { get; init; }

    /// <summary>The tokens of the answer, an end token included.</summary>
    public required IReadOnlyList<int> Ids { get; init; }

    /// <summary>Whether the answer was cut at its greatest length, before the model ended it.</summary>
    public required bool IsTruncated { get; init; }
}
