using Lorikeet.Models.Distributed;

namespace Lorikeet.Models.Passes;

/// <summary>How a model's forward and backward passes run; none of it changes what they compute.</summary>
public sealed record TrainingPassOptions
{
    /// <summary>Gradient checkpointing: which layers are recomputed in the backward pass.</summary>
    /// <value><see cref="Checkpointing.Auto"/>: those whose activations do not fit into free memory.</value>
    public Checkpointing Checkpointing { get; init; } = Checkpointing.Auto;

    /// <summary>NEFTune (arXiv 2310.05914): α of the uniform noise on embeddings, ±α / √(length · hidden).</summary>
    /// <value>0: no noise.</value>
    public double NeftuneAlpha { get; init; }

    /// <summary>
    /// Use the optimized pass where it covers the model (<see cref="TrainingPasses.WhyUnsupported"/>).
    /// </summary>
    /// <value>True; false takes the reference, which autograd differentiates.</value>
    public bool Optimized { get; init; } = true;

    /// <summary>
    /// The ranks that share each batch, each with some of its tokens (context parallelism); they make the same passes,
    /// and losses and gradients are of this rank's tokens.
    /// </summary>
    /// <value>Null: this process has all tokens.</value>
    public Communicator? ContextRanks { get; init; }

    /// <summary>
    /// Called in the backward pass when all that a layer's parameters get has been added, or is queued on the device.
    /// </summary>
    /// <value>Null: nobody waits for it.</value>
    public Action<int>? LayerDone { get; init; }

    /// <summary>Keep the inputs of recomputed layers in the host's memory; CUDA and the optimized pass only.</summary>
    /// <value>False.</value>
    public bool OffloadCheckpoints { get; init; }
}
