namespace Lorikeet.Models.Passes;

/// <summary>
/// What forward and backward take beside the model and what is trained of it, part by part, in bytes.
/// </summary>
public sealed record PassBytes
{
    /// <summary>Factors once more in the compute type, where GEMMs read them.</summary>
    public long AdapterCopies { get; init; }

    /// <summary>
    /// What layers keep for the backward pass: their inputs and, where they are not recomputed, all of it.
    /// </summary>
    public long KeptActivations { get; init; }

    /// <summary>What layers that are recomputed use one after the other.</summary>
    public long RecomputedActivations { get; init; }

    /// <summary>What all layers use one after the other.</summary>
    public long SharedBuffers { get; init; }

    /// <summary>
    /// One decompressed weight, gradients of its factors, masked inputs of dropout, and a chunk of logits.
    /// </summary>
    public long WeightAndLogits { get; init; }

    /// <summary>Outputs of attention, and what its backward pass works in.</summary>
    public long Attention { get; init; }

    /// <summary>Inputs of layers that wait in the host's memory; not part of the sum.</summary>
    public long OnHost { get; init; }

    /// <summary>The first layer that keeps what its backward pass needs.</summary>
    public int KeptFrom { get; init; }

    /// <summary>Layers recomputed in the backward pass (gradient checkpointing).</summary>
    public int RecomputedLayers { get; init; }

    /// <summary>Rows of logits that exist at once.</summary>
    public int LogitRows { get; init; }

    /// <summary>Sum of all of these, in bytes.</summary>
    public long Total =>
        AdapterCopies + KeptActivations + RecomputedActivations + SharedBuffers + WeightAndLogits + Attention;
}
