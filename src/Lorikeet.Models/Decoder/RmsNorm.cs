using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Decoder;

/// <summary>Root mean square normalisation (arXiv 1910.07467): weight · x / sqrt(mean(x²) + ε).</summary>
/// <remarks>The mean is float32 and the result is rounded to x's type before the weight, as in transformers.</remarks>
internal sealed class RmsNorm(string name, Tensor weight, double epsilon) : IDisposable
{
    public string Name { get; } = name;

    /// <summary>[width]; becomes a trainable leaf in full fine-tuning.</summary>
    public Tensor Weight { get; set; } = weight;

    public Tensor Forward(Tensor x)
    {
        var wide = x.to_type(ScalarType.Float32);
        var normalised = wide * rsqrt((wide * wide).mean([-1], keepdim: true).Plus(epsilon));
        return normalised.to_type(x.dtype) * Weight.to_type(x.dtype);
    }

    public void Dispose() => Weight.Dispose();
}
