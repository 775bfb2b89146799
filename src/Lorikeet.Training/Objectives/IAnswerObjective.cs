namespace Lorikeet.Training.Objectives;

/// <summary>A loss of the log-probabilities of whole answers.</summary>
internal interface IAnswerObjective
{
    /// <summary>Names of what it measures, as TRL logs them.</summary>
    IReadOnlyList<string> Metrics { get; }

    /// <summary>Whether it compares with the base.</summary>
    bool NeedsReference { get; }

    /// <summary>Whether it estimates the divergence from the base on answers to other prompts.</summary>
    bool NeedsDivergence => false;

    /// <summary>Whether the prompts of wanted answers are learned too.</summary>
    bool LearnsPrompts => false;

    /// <summary>The loss of a batch, a mean over its rows, and its derivatives.</summary>
    /// <param name="scores">What model and base say of it.</param>
    /// <param name="metrics">Receives what is measured; null where it does not count.</param>
    ObjectiveValue Judge(AnswerScores scores, MetricSums? metrics);
}
