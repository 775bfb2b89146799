using Lorikeet.Data.Batches;
using static TorchSharp.torch;

namespace Lorikeet.Models.Decoder;

/// <summary>
/// A batch whose segments share their beginnings, as attention sees it: each segment whole, what it shares repeated.
/// Everything else computes a shared token once.
/// </summary>
internal sealed class RepeatedLayout : IDisposable
{
    private RepeatedLayout(IReadOnlyList<int> starts, IReadOnlyList<int> prefixes, int multiple, Device device)
    {
        var (sources, kept, repeated) = (new List<long>(), new long[starts[^1]], new List<int> { 0 });
        for (var segment = 0; segment < prefixes.Count; segment++)
        {
            if (prefixes[segment] > 0)
                sources.AddRange(sources.GetRange(repeated[^2], prefixes[segment]));
            for (var token = starts[segment]; token < starts[segment + 1]; token++)
            {
                kept[token] = sources.Count;
                sources.Add(token);
            }

            repeated.Add(sources.Count);
        }

        // Segments that nobody sees fill the rest, as in Batch.FilledTo.
        var longest = repeated.Zip(repeated.Skip(1), (start, end) => end - start).Max();
        while (sources.Count % multiple != 0)
        {
            var count = Math.Min(multiple - sources.Count % multiple, longest);
            sources.AddRange(Enumerable.Repeat(0L, count));
            repeated.Add(sources.Count);
        }

        Layout = new SegmentLayout(repeated, device);
        Sources = tensor(sources.ToArray(), device: device).DetachFromDisposeScope();
        Kept = tensor(kept, device: device).DetachFromDisposeScope();
    }

    /// <summary>The segments, whole.</summary>
    public SegmentLayout Layout { get; }

    /// <summary>Which token of the batch each of theirs is, int64 [repeated tokens].</summary>
    public Tensor Sources { get; }

    /// <summary>Where each token of the batch lies among them, int64 [tokens].</summary>
    public Tensor Kept { get; }

    /// <summary>The whole segments of a batch; null where they share nothing.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="multiple">Their tokens are filled up to a multiple of this.</param>
    /// <param name="device">Device of the index tensors.</param>
    public static RepeatedLayout? Of(Batch batch, int multiple, Device device) => batch.SharedPrefixes is { } prefixes
        ? new RepeatedLayout(batch.SegmentStarts, prefixes, multiple, device)
        : null;

    public void Dispose()
    {
        Layout.Dispose();
        Sources.Dispose();
        Kept.Dispose();
    }
}
