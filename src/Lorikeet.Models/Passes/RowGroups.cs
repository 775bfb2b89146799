using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>
/// Which rows of a matrix belong to the same token, so that they can be summed up in the same order every time.
/// </summary>
internal sealed class RowGroups : IDisposable
{
    private RowGroups(Tensor order, Tensor starts, Tensor ids) => (Order, Starts, Ids) = (order, starts, ids);

    /// <summary>The rows, those of one id together and in order; int64 [rows].</summary>
    public Tensor Order { get; }

    /// <summary>Where each id's rows begin in <see cref="Order"/>, then their number; int64 [ids + 1].</summary>
    public Tensor Starts { get; }

    /// <summary>The different ids, rising; int64 [ids].</summary>
    public Tensor Ids { get; }

    /// <summary>How many different ids there are.</summary>
    public int Count => (int)Ids.NumberOfElements;

    /// <summary>The groups of rows that have these ids.</summary>
    public static RowGroups Of(IReadOnlyList<int> ids, Device device)
    {
        var order = Enumerable.Range(0, ids.Count).OrderBy(row => ids[row])
            .Select(row => (long)row).ToArray(); // stable
        List<long> starts = [], different = [];
        for (var place = 0; place < order.Length; place++)
        {
            var id = ids[(int)order[place]];
            if (different.Count > 0 && different[^1] == id)
                continue;
            starts.Add(place);
            different.Add(id);
        }

        starts.Add(order.Length);
        Tensor Of(long[] values) => tensor(values, device: device).DetachFromDisposeScope();
        return new RowGroups(Of(order), Of([.. starts]), Of([.. different]));
    }

    public void Dispose()
    {
        Order.Dispose();
        Starts.Dispose();
        Ids.Dispose();
    }
}
