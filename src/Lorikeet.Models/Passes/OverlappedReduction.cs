using Lorikeet.Models.Distributed;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>
/// Sums layer by layer, from the last to the first, each as soon as the last backward pass of this rank is done with
/// it. The parts come in one order on all ranks, also on one that has no pass in this step.
/// </summary>
/// <param name="gradients">What the passes add to.</param>
/// <param name="parts">Where each layer's lie.</param>
/// <param name="ranks">The ranks.</param>
/// <param name="waits">
/// Whether to sum only after the backward pass: while the layers of a divided base arrive, the links are in use.
/// </param>
internal sealed class OverlappedReduction(Gradients gradients, GradientParts parts, Communicator ranks, bool waits)
    : GradientReduction(gradients, ranks)
{
    private readonly int[] _order = [.. parts.InOrder];
    private readonly List<Tensor> _summing = [];
    private int _next;
    private bool _isLast;

    public override void Begin(bool isLast) => _isLast = isLast;

    public override void LayerDone(int layer)
    {
        if (!_isLast || waits || Ranks.Size == 1)
            return;
        while (_next < _order.Length && _order[_next] >= layer && _order[_next] != GradientParts.Rest)
            Sum(_order[_next++]);
    }

    public override void Complete()
    {
        if (Ranks.Size > 1)
        {
            while (_next < _order.Length)
                Sum(_order[_next++]);
            Ranks.EndSums();
        }

        _summing.ForEach(part => part.Dispose());
        _summing.Clear();
        (_next, _isLast) = (0, false);
    }

    private void Sum(int layer)
    {
        foreach (var (start, count) in parts.Of(layer))
        {
            var part = Gradients.All.narrow(0, start, count).DetachFromDisposeScope();
            _summing.Add(part);
            Ranks.BeginSum(part);
        }
    }
}
