// Floating-point sums depend on their order, so the order is made to depend on the number of micro-batches alone: a
// binary tree over their places in the step,
//
//     value[a, a + 2n) = value[a, a + n) + value[a + n, a + 2n)        a leaf is the gradient of one micro-batch
//
// A rank computes consecutive micro-batches, so few subtrees hold all of its own: two for each level at most, one where
// the numbers are powers of two. Each rank gets its share of the elements of all subtrees, finishes the tree there, and
// the shares come together: as much traffic for each subtree as an all-reduce.
using System.Globalization;
using Lorikeet.Models.Distributed;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>Sums in an order that does not depend on how many ranks share the micro-batches.</summary>
internal sealed class OrderedReduction(Gradients gradients, Communicator ranks) : GradientReduction(gradients, ranks)
{
    private readonly List<Node> _nodes = [];

    public override bool TakesBlocks => true;

    public override void End(int microBatch, bool counts)
    {
        using var quiet = no_grad();
        if (counts)
            Add(new Node(microBatch, 1, Gradients.All.clone().DetachFromDisposeScope()));
        Gradients.Clear();
    }

    public override void Complete()
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var all = NodesOfAll();
        var most = all.Max(nodes => nodes.Length);
        var end = all.SelectMany(nodes => nodes).Select(node => node.Start + node.Length).DefaultIfEmpty(0).Max();
        var elements = Gradients.All.NumberOfElements;
        var share = (elements + Ranks.Size - 1) / Ranks.Size;
        var shares = new Dictionary<(int Start, int Length), Tensor>();
        for (var i = 0; i < most; i++)
        {
            var own = zeros(share * Ranks.Size, ScalarType.Float32, Gradients.All.device);
            if (i < _nodes.Count)
                own.narrow(0, 0, elements).copy_(_nodes[i].Sum);
            var received = empty_like(own);
            Ranks.Exchange(own, received);
            own.Dispose();
            for (var rank = 0; rank < Ranks.Size; rank++)
            {
                if (i >= all[rank].Length)
                    continue;
                var part = received.narrow(0, rank * share, share);
                // Ranks that share the tokens of a micro-batch have the same subtrees.
                shares[all[rank][i]] = shares.TryGetValue(all[rank][i], out var other) ? other.Plus(part) : part;
            }
        }

        Forget();
        var sum = Value(shares, 0, WidthOf(end));
        if (sum is null)
            return; // nothing was computed
        var whole = empty(share * Ranks.Size, ScalarType.Float32, Gradients.All.device);
        Ranks.Gather(sum.contiguous(), whole);
        Gradients.All.copy_(whole.narrow(0, 0, elements));
    }

    public override void Dispose()
    {
        Forget();
        base.Dispose();
    }

    /// <summary>Joins a subtree with the one to its left, as often as that is there.</summary>
    private void Add(Node node)
    {
        while (_nodes is [.., var left] && left.Length == node.Length && left.Start + left.Length == node.Start
            && left.Start % (2 * left.Length) == 0)
        {
            left.Sum.Increase(node.Sum);
            node.Sum.Dispose();
            _nodes.RemoveAt(_nodes.Count - 1);
            node = left with { Length = 2 * left.Length };
        }

        _nodes.Add(node);
    }

    /// <summary>The sum of a subtree; null where there is nothing in it.</summary>
    private static Tensor? Value(Dictionary<(int Start, int Length), Tensor> shares, int start, int length)
    {
        if (shares.TryGetValue((start, length), out var known))
            return known;
        if (length == 1)
            return null;
        var (left, right) = (
            Value(shares, start, length / 2), Value(shares, start + length / 2, length / 2));
        return left is null ? right : right is null ? left : left.Plus(right);
    }

    private (int Start, int Length)[][] NodesOfAll()
    {
        var own = string.Join(' ', _nodes.Select(node => $"{node.Start} {node.Length}"));
        return [.. Ranks.Gather(own).Select(text => text.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(number => int.Parse(number, CultureInfo.InvariantCulture)).Chunk(2)
            .Select(pair => (pair[0], pair[1])).ToArray())];
    }

    /// <summary>The width of the whole tree: the next power of two.</summary>
    private static int WidthOf(int leaves)
    {
        var width = 1;
        while (width < leaves)
            width *= 2;
        return width;
    }

    private void Forget()
    {
        _nodes.ForEach(node => node.Sum.Dispose());
        _nodes.Clear();
    }

    /// <summary>A subtree over micro-batches.</summary>
    private sealed record Node(int Start, int Length, Tensor Sum);
}
