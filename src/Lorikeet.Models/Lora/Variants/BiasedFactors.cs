using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Lora.Variants;

/// <summary>LoRA whose B has a bias of its own (PEFT's <c>lora_bias</c>): y + s · (B A dropout(x) + b).</summary>
internal sealed class BiasedFactors(Tensor a, Tensor b, Tensor bias, double scale, double dropout)
    : LoraFactors(a, b, scale, dropout)
{
    /// <summary>Bias of B, [out], float32.</summary>
    public Tensor Bias { get; } = bias;

    public override bool IsPlain => false;

    public override IEnumerable<(string Ending, Tensor Value, bool Decays)> Trained =>
        base.Trained.Append((AdapterNames.LoraBias, Bias, false));

    public override Tensor AddTo(Tensor y, Tensor x, ForwardContext context, int projection) =>
        base.AddTo(y.Plus(Bias.Times(Scale).to_type(x.dtype)), x, context, projection);

    public override LoraFactors Copy() => new BiasedFactors(
        Parameter.LeafLike(A), Parameter.LeafLike(B), Parameter.LeafLike(Bias), Scale, Dropout);

    public override void Dispose()
    {
        base.Dispose();
        Bias.Dispose();
    }
}
