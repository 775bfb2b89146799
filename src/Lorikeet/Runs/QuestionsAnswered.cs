using Lorikeet.Training;

namespace Lorikeet.Runs;

/// <summary>The questions that a run keeps asking were answered.</summary>
/// <param name="Step">Optimizer steps done; 0 for the base's answers.</param>
/// <param name="Answers">In the order of the questions.</param>
public sealed record QuestionsAnswered(int Step, IReadOnlyList<GivenAnswer> Answers) : TrainingEvent;

/// <summary>What a model answered to one question.</summary>
/// <param name="Question">The question.</param>
/// <param name="Expected">What the data answer; null where they do not say.</param>
/// <param name="Answer">What the model answered.</param>
/// <param name="IsCorrect">Whether it is the expected answer; null where that is a matter of opinion.</param>
public sealed record GivenAnswer(string Question, string? Expected, string Answer, bool? IsCorrect);
