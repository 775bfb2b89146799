using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Decoder;

/// <summary>Root mean square normalisation (arXiv 1910.07467): weight · x / sqrt(mean(x²) + ε).</summary>
/// <remarks>The mean is float32; what is rounded when is <see cref="NormWeighting"/>, as in transformers.</remarks>
internal sealed class RmsNorm(
    string name, Tensor weight, double epsilon, NormWeighting weighting = NormWeighting.AfterRounding) : IDisposable
{
    public string Name { get; } = name;

    /// <summary>[width]; becomes a trainable leaf in full fine-tuning.</summary>
    public Tensor Weight { get; set; } = weight;

    /// <summary>How the weight enters.</summary>
    public NormWeighting Weighting { get; } = weighting;

    /// <summary>A norm of a model.</summary>
    public static RmsNorm Of(ModelConfig config, string name, Tensor weight) =>
        new(name, weight, config.NormEpsilon, config.NormWeighting);

    public Tensor Forward(Tensor x)
    {
        var wide = x.to_type(ScalarType.Float32);
        var normalised = wide * rsqrt((wide * wide).mean([-1], keepdim: true).Plus(epsilon));
        return Weighting switch
        {
            NormWeighting.AfterRounding => normalised.to_type(x.dtype) * Weight.to_type(x.dtype),
            NormWeighting.BeforeRounding => (normalised * Weight.to_type(ScalarType.Float32)).to_type(x.dtype),
            _ => (normalised * Weight.to_type(ScalarType.Float32).Plus(1)).to_type(x.dtype),
        };
    }

    public void Dispose() => Weight.Dispose();
}
