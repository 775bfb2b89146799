// ZeRO, stage 2: no rank has the gradients of all parameters. The layers take turns in one buffer,
//
//     backward pass of layer i adds to the buffer; each rank gets the sum of its share and adds it to its own gradients
//
// so a rank holds 1/N of the gradients and one layer. Every rank has to make as many passes as the others.
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>Sums each layer's gradients over the ranks as soon as they are there; a rank keeps its share.</summary>
internal sealed class ShardedReduction : GradientReduction
{
    private readonly ParameterShards _shards;

    /// <param name="gradients">Made by <see cref="Gradients.InTurn"/> of the same shards.</param>
    /// <param name="shards">Who owns what.</param>
    public ShardedReduction(Gradients gradients, ParameterShards shards) : base(gradients, shards.Ranks)
    {
        _shards = shards;
        using var quiet = no_grad();
        Own = zeros(shards.OwnCount, ScalarType.Float32, gradients.All.device).DetachFromDisposeScope();
    }

    public override bool EveryRankPasses => true;

    public override Tensor Own { get; }

    public override void LayerDone(int layer)
    {
        if (layer != GradientParts.Rest)
            Reduce(layer);
    }

    public override void End(int microBatch, bool counts) => Reduce(GradientParts.Rest);

    public override void Complete()
    {
    }

    public override void Clear()
    {
        using var quiet = no_grad();
        Own.Clear();
    }

    public override void Dispose()
    {
        Own.Dispose();
        base.Dispose();
    }

    private void Reduce(int layer)
    {
        if (_shards.Parts.FirstOrDefault(part => part.Layer == layer) is not { } part)
            return;
        using var quiet = no_grad();
        using var buffer = Gradients.BufferOf(part);
        using var share = Own.narrow(0, part.OwnStart, part.Share);
        part.ReduceScatter(buffer, share);
        buffer.Clear();
    }
}
