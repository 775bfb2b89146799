namespace Lorikeet.Training.Planning;

/// <summary>The memory that a run takes at its most, part by part, in bytes.</summary>
public sealed record MemoryPlan
{
    /// <summary>The base model in the form it is stored in; norms and biases included.</summary>
    public required long Weights { get; init; }

    /// <summary>What is trained, float32.</summary>
    public required long Adapters { get; init; }

    /// <summary>Gradients of the trained parameters, float32, in bytes.</summary>
    public required long Gradients { get; init; }

    /// <summary>States of the optimizer (moments), in bytes.</summary>
    public required long OptimizerStates { get; init; }

    /// <summary>Copies of the adapters in the compute type, which GEMMs read.</summary>
    public required long AdapterCopies { get; init; }

    /// <summary>
    /// What layers keep for the backward pass: their inputs and, where they are not recomputed, all of it.
    /// </summary>
    public required long KeptActivations { get; init; }

    /// <summary>What layers that are recomputed use one after the other.</summary>
    public required long RecomputedActivations { get; init; }

    /// <summary>What all layers use one after the other.</summary>
    public required long SharedBuffers { get; init; }

    /// <summary>One decompressed weight, its factors and their gradients, and a chunk of logits.</summary>
    public required long WeightAndLogits { get; init; }

    /// <summary>Outputs of attention, and what its backward pass works in.</summary>
    public required long Attention { get; init; }

    /// <summary>What libraries take for themselves; on a CPU, the whole process before the model.</summary>
    public required long Libraries { get; init; }

    /// <summary>What waits in host memory instead and is not part of the sum.</summary>
    public long OffloadedToHost { get; init; }

    /// <summary>The first layer that keeps what its backward pass needs.</summary>
    public required int KeptFrom { get; init; }

    /// <summary>Layers recomputed in the backward pass (gradient checkpointing).</summary>
    public required int RecomputedLayers { get; init; }

    /// <summary>Rows of logits that exist at once.</summary>
    public required int LogitRows { get; init; }

    /// <summary>Sum of all of these, in bytes.</summary>
    public long Total =>
        Weights + Adapters + Gradients + OptimizerStates + AdapterCopies + KeptActivations + RecomputedActivations
        + SharedBuffers + WeightAndLogits + Attention + Libraries;
}
