using Lorikeet.Data.Encoded;

namespace Lorikeet.Jobs;

/// <summary>Asks every held-out question before and after training, and scores both by exact match.</summary>
public sealed record AnswerComparison
{
    /// <summary>Answers that the report shows.</summary>
    /// <value>8.</value>
    public int ShownAnswers { get; init; } = 8;

    /// <summary>
    /// Names the group of a question, such as its language: each group has a score of its own beside that of all. Null
    /// leaves a question out of the groups.
    /// </summary>
    /// <value>No groups.</value>
    public Func<Question, string?> GroupOf { get; init; } = _ => null;
}
