using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Decoder;

/// <summary>
/// A linear layer of the decoder: a frozen weight, or a trained copy of it, an optional bias, and an optional adapter.
/// </summary>
internal sealed class Projection(string name, int index, FrozenWeight weight, Tensor? bias = null) : IDisposable
{
    /// <summary>Full name, such as "model.layers.0.self_attn.q_proj".</summary>
    public string Name { get; } = name;

    /// <summary>Position among the model's projections; separates their random numbers.</summary>
    public int Index { get; } = index;

    public FrozenWeight Weight { get; set; } = weight;

    /// <summary>Whether nothing trains here, neither the weight nor an adapter: experts, their router.</summary>
    public bool IsFixed { get; } = TensorNames.IsOfExperts(name);

    public Tensor? Bias { get; set; } = bias;

    /// <summary>
    /// The trained float32 weight that replaces <see cref="Weight"/> (full fine-tuning, modules_to_save).
    /// </summary>
    public Tensor? TrainedWeight { get; set; }

    /// <summary>The adapter on this layer, if any.</summary>
    public ProjectionAdapter? Adapter { get; set; }

    /// <summary>x [tokens, in] to [tokens, out].</summary>
    public Tensor Forward(Tensor x, ForwardContext context)
    {
        var y = Multiply(x);
        if (Bias is not null)
            y = y.Plus(Bias.to_type(x.dtype));
        return Adapter is null ? y : Adapter.AddTo(y, x, context, Index);
    }

    /// <summary>W x alone, without bias and adapter.</summary>
    public Tensor Multiply(Tensor x) =>
        TrainedWeight is { } trained ? nn.functional.linear(x, trained.to_type(x.dtype))
        : Weight is DenseWeight dense && dense.Value.dtype == x.dtype ? nn.functional.linear(x, dense.Value)
        : FrozenLinear.apply(x, Weight);

    public void Dispose()
    {
        Weight.Dispose();
        Bias?.Dispose();
        TrainedWeight?.Dispose();
        Adapter?.Dispose();
    }
}
