using static TorchSharp.torch;

namespace Lorikeet.Models.Decoder;

/// <summary>A tensor that training moves: a float32 leaf whose gradient autograd fills.</summary>
/// <param name="Name">Its name inside the model, such as "model.layers.0.self_attn.q_proj.lora_A".</param>
/// <param name="Value">The float32 master copy.</param>
/// <param name="Decays">
/// Whether weight decay applies; not to biases and norms (transformers' get_decay_parameter_names).
/// </param>
public sealed record Parameter(string Name, Tensor Value, bool Decays)
{
    /// <summary>How many times the run's learning rate this parameter moves at (LoRA+, arXiv 2402.12354).</summary>
    /// <value>1.</value>
    public double RateFactor { get; init; } = 1;

    /// <summary>
    /// Makes a trainable leaf out of <paramref name="value"/>, as float32, and takes ownership of it.
    /// </summary>
    internal static Tensor Leaf(Tensor value)
    {
        using var owned = value;
        using var single = value.to_type(ScalarType.Float32);
        return single.detach().requires_grad_(true).DetachFromDisposeScope();
    }

    /// <summary>A trainable leaf of the same values on memory of its own.</summary>
    internal static Tensor LeafLike(Tensor value)
    {
        using var values = value.detach();
        return Leaf(values.clone());
    }
}
