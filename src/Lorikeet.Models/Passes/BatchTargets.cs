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
    /// The positions that predict and the tokens they should predict, in the order of the latter; the caller disposes
    /// them. The last token of what segments share predicts the first own token of each.
    /// </summary>
    /// <param name="batch">The batch.</param>
    /// <param name="device">Where to.</param>
    /// <param name="range">The positions that count, from whose first they are numbered; null for all.</param>
    /// <returns>Two int64 tensors [targets].</returns>
    public static (Tensor Positions, Tensor Targets) Of(Batch batch, Device device, TokenRange? range = null)
    {
        var (first, count) = range is { } own ? (own.Start, own.Count) : (0, batch.TokenCount);
        var (positions, targets) = (new List<long>(), new List<long>());
        var begin = 0; // where the segment's first token lies, in a segment before it if that is shared
        for (var segment = 0; segment < batch.SegmentCount; segment++)
        {
            var start = batch.SegmentStarts[segment];
            var shared = batch.SharedPrefixes?[segment] ?? 0;
            begin = shared > 0 ? begin : start;
            if (shared > 0 && batch.Labels[start] != TrainingRow.Ignored)
            {
                positions.Add(begin + shared - 1 - first);
                targets.Add(batch.Labels[start]);
            }

            for (var t = start + 1; t < batch.SegmentStarts[segment + 1]; t++)
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
