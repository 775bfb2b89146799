using Lorikeet.Models.Decoder;
using Lorikeet.Models.Distributed;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>
/// Makes the gradients of the ranks' micro-batches one: their sum over all of a step. Every rank makes the same calls
/// except for the number of its passes.
/// </summary>
internal abstract class GradientReduction : IDisposable
{
    private protected GradientReduction(Gradients gradients, Communicator ranks) =>
        (Gradients, Ranks) = (gradients, ranks);

    /// <summary>What the passes add to.</summary>
    private protected Gradients Gradients { get; }

    /// <summary>Who sums.</summary>
    private protected Communicator Ranks { get; }

    /// <summary>
    /// Whether a rank has to compute consecutive micro-batches of a step, and may compute as many as it likes.
    /// </summary>
    public virtual bool TakesBlocks => false;

    /// <summary>Whether all ranks have to make as many passes as each other.</summary>
    public virtual bool EveryRankPasses => false;

    /// <summary>This rank's share of the sums, where each has a share alone; null where each has all of them.</summary>
    public virtual Tensor? Own => null;

    /// <summary>The reduction of a step.</summary>
    /// <param name="gradients">What the passes add to; zero before a step.</param>
    /// <param name="model">Whose parameters' they are.</param>
    /// <param name="ranks">The ranks.</param>
    /// <param name="hasFixedOrder">
    /// Whether the order of the sum depends on the number of micro-batches alone, so that any number of ranks gives the
    /// same bits.
    /// </param>
    /// <param name="shards">Who keeps the gradients of which elements; null for all of them on every rank.</param>
    public static GradientReduction Create(
        Gradients gradients, DecoderModel model, Communicator ranks, bool hasFixedOrder, ParameterShards? shards) =>
        shards is not null ? new ShardedReduction(gradients, shards)
        : hasFixedOrder ? new OrderedReduction(gradients, ranks)
        : new OverlappedReduction(
            gradients, new GradientParts(model.Trainable, model.Layers.Count), ranks, model.IsSharded);

    /// <summary>Call before a pass.</summary>
    /// <param name="isLast">Whether it is the last of this rank in the step.</param>
    public virtual void Begin(bool isLast)
    {
    }

    /// <summary>
    /// Call when a pass has added all that a layer's parameters get (<see cref="TrainingPassOptions"/>).
    /// </summary>
    /// <param name="layer">The layer.</param>
    public virtual void LayerDone(int layer)
    {
    }

    /// <summary>Call after a pass.</summary>
    /// <param name="microBatch">Its place in the step.</param>
    /// <param name="counts">Whether its gradient is to be added, or it was made for the other ranks' sake.</param>
    public virtual void End(int microBatch, bool counts)
    {
    }

    /// <summary>Leaves the sum over all micro-batches of all ranks in the gradients; all ranks call.</summary>
    public abstract void Complete();

    /// <summary>Forgets the sums, so that the next step begins at zero.</summary>
    public virtual void Clear() => Gradients.Clear();

    /// <inheritdoc/>
    public virtual void Dispose()
    {
    }
}
