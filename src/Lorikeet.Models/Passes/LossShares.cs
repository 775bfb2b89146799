using Lorikeet.Data;
using Lorikeet.Data.Batches;

namespace Lorikeet.Models.Passes;

/// <summary>What one target of each micro-batch counts in the loss of its step.</summary>
internal static class LossShares
{
    /// <summary>
    /// One share for each micro-batch; by targets all are equal, so that k micro-batches equal one batch of k.
    /// </summary>
    public static IReadOnlyList<double> Of(
        IReadOnlyList<IReadOnlyList<TrainingRow>> rows, IReadOnlyList<Batch> batches,
        LossDenominator denominator, int accumulation) =>
        denominator switch
        {
            LossDenominator.Targets => Equal(batches.Sum(batch => (long)batch.TargetCount), batches.Count),
            LossDenominator.Labels => Equal(rows.SelectMany(batch => batch).Sum(row => (long)Labels(row)), batches.Count),
            _ => [.. batches.Select(batch => 1.0 / batch.TargetCount / accumulation)],
        };

    private static int Labels(TrainingRow row) => row.Labels.Count(label => label != TrainingRow.Ignored);

    private static double[] Equal(long denominator, int count) => [.. Enumerable.Repeat(1.0 / denominator, count)];
}
