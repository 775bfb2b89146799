using Lorikeet.Data;
using Lorikeet.Data.Batches;

namespace Lorikeet.Models.Passes;

/// <summary>Weight of one predicted token's loss in each micro-batch of an optimizer step.</summary>
public static class LossWeights
{
    /// <summary>
    /// One weight for each micro-batch. Counted by predicted tokens or by labels all are equal, so that k micro-batches
    /// equal one batch of k.
    /// </summary>
    /// <param name="rows">The rows of each micro-batch.</param>
    /// <param name="batches">The micro-batches made of them.</param>
    /// <param name="denominator">What the summed cross-entropy of the step is divided by.</param>
    /// <param name="accumulation">
    /// Micro-batches of a whole step (gradient_accumulation_steps); the last step of an epoch may have fewer.
    /// </param>
    public static IReadOnlyList<double> Of(
        IReadOnlyList<IReadOnlyList<TrainingRow>> rows, IReadOnlyList<Batch> batches,
        LossDenominator denominator, int accumulation) =>
        denominator switch
        {
            LossDenominator.Targets => Equal(batches.Sum(batch => (long)batch.TargetCount), batches.Count),
            LossDenominator.Labels =>
                Equal(rows.SelectMany(batch => batch).Sum(row => (long)Labels(row)), batches.Count),
            _ => [.. batches.Select(batch => 1.0 / batch.TargetCount / accumulation)],
        };

    private static int Labels(TrainingRow row) => row.Labels.Count(label => label != TrainingRow.Ignored);

    private static double[] Equal(long denominator, int count) => [.. Enumerable.Repeat(1.0 / denominator, count)];
}
