using Lorikeet.Data;

namespace Lorikeet.Training.Loop;

/// <summary>What the passes of a step came to.</summary>
/// <param name="Rows">The rows that were learned, by micro-batch.</param>
/// <param name="Loss">The loss.</param>
/// <param name="Metrics">What the method measures besides, by TRL's names.</param>
internal sealed record StepOutcome(
    IReadOnlyList<IReadOnlyList<TrainingRow>> Rows, double Loss, IReadOnlyDictionary<string, double> Metrics);
