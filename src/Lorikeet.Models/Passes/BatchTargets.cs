using Lorikeet.Data;
using Lorikeet.Data.Batches;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>
/// Where a batch has something to learn: the label at t is predicted at t - 1, never across segments.
/// </summary>
internal static class BatchTargets
{
    /// <summary>
    /// The positions that predict and the tokens they should predict, in order; the caller disposes them.
    /// </summary>
    /// <param name="batch">The batch.</param>
    /// <param name="device">Where to.</param>
    /// <param name="range">The positions that count, from whose first they are numbered; null for all.</param>
    /// <returns>Two int64 tensors [targets].</returns>
    public static (Tensor Positions, Tensor Targets) Of(Batch batch, Device device, TokenRange? range = null)
    {
        var (first, count) = range is { } own ? (own.Start, own.Count) : (0, batch.TokenCount);
        var (positions, targets) = (new List<long>(), new List<long>());
        for (var segment = 0; segment < batch.SegmentCount; segment++)
        {
            for (var t = batch.SegmentStarts[segment] + 1; t < batch.SegmentStarts[segment + 1]; t++)
            {
                if (batch.Labels[t] == TrainingRow.Ignored || t - 1 < first || t - 1 >= first + count)
                    continue;
                positions.Add(t - 1 - first);
                targets.Add(batch.Labels[t]);
            }
        }

        return (tensor(positions.ToArray(), device: device), tensor(targets.ToArray(), device: device));
    }
}
