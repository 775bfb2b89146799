using Lorikeet.Data.Batches;
using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Passes;

/// <summary>Rows of one of several adapters that go through the model together.</summary>
/// <param name="Adapter">Its place among them.</param>
/// <param name="Batch">Its rows, with at least one predicted token.</param>
/// <param name="Weight">What each predicted token counts in the loss of its step.</param>
/// <param name="Key">Names its random numbers.</param>
public sealed record AdapterBatch(int Adapter, Batch Batch, double Weight, PassKey Key)
{
    /// <summary>The rows of all, in order.</summary>
    internal static Batch EndToEnd(IReadOnlyList<AdapterBatch> batches)
    {
        List<int> starts = [0];
        foreach (var (_, batch, _, _) in batches)
        {
            var first = starts[^1];
            starts.AddRange(batch.SegmentStarts.Skip(1).Select(start => first + start));
        }

        return new Batch(
            [.. batches.SelectMany(own => own.Batch.Ids)], [.. batches.SelectMany(own => own.Batch.Labels)],
            [.. starts], batches.Sum(own => own.Batch.TargetCount));
    }

    /// <summary>Which of those rows are whose.</summary>
    internal static IReadOnlyList<AdapterSpan> Spans(IReadOnlyList<AdapterBatch> batches)
    {
        var spans = new List<AdapterSpan>();
        var start = 0;
        foreach (var (adapter, batch, _, key) in batches)
        {
            spans.Add(new AdapterSpan(adapter, start, batch.TokenCount, key));
            start += batch.TokenCount;
        }

        return spans;
    }
}
