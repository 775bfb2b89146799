// Weight-decomposed adaptation, arXiv 2402.09353:  y = g ⊙ (W + s · BA) x + bias,  g = m / ‖W + s · BA‖
//
// The norm is that of each output row and counts as a constant in the backward pass (section 4.3 of the paper). With
// dropout in training, W too sees the dropped input, as in PEFT: tuners/lora/dora.py, variants.py.
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Lora.Variants;

/// <summary>LoRA that changes the direction of each row of the weight, and a magnitude trained beside it.</summary>
internal sealed class DoraFactors(
    Projection projection, Tensor a, Tensor b, Tensor magnitude, double scale, double dropout)
    : LoraFactors(a, b, scale, dropout)
{
    private Tensor? _known;

    /// <summary>m, [out], float32; it begins as ‖W + s · BA‖.</summary>
    public Tensor Magnitude { get; } = magnitude;

    public override bool IsPlain => false;

    public override IEnumerable<(string Ending, Tensor Value, bool Decays)> Trained =>
        base.Trained.Append((AdapterNames.Magnitude, Magnitude, true));

    /// <summary>‖W + s · BA‖ of each row, float32 [out].</summary>
    public static Tensor Norm(Tensor weight, Tensor a, Tensor b, double scale)
    {
        using var quiet = no_grad();
        return addmm(weight, b, a, 1, (float)scale).norm(1); // [out, in] to [out]
    }

    public override Tensor AddTo(Tensor y, Tensor x, ForwardContext context, int index)
    {
        var input = Drop(x, context, index);
        var weighted = !ReferenceEquals(input, x) ? projection.Multiply(input)
            : projection.Bias is { } bias ? y - bias.to_type(x.dtype)
            : y;
        var gain = Gain(context); // [out]
        var unscaled = y.Plus(gain.Minus(1).to_type(x.dtype) * weighted);
        var hidden = nn.functional.linear(input, A.to_type(x.dtype)); // [tokens, rank]
        var change = nn.functional.linear(hidden, B.to_type(x.dtype)); // B A x, [tokens, out]
        return unscaled.Plus(gain.Times(Scale).to_type(x.dtype) * change);
    }

    public override void Invalidate()
    {
        _known?.Dispose();
        _known = null;
    }

    public override LoraFactors Copy() => new DoraFactors(
        projection, Parameter.LeafLike(A), Parameter.LeafLike(B), Parameter.LeafLike(Magnitude), Scale, Dropout);

    public override void Dispose()
    {
        Invalidate();
        base.Dispose();
        Magnitude.Dispose();
    }

    /// <summary>m / ‖W + s · BA‖; outside training, where nothing moves, it is computed once.</summary>
    private Tensor Gain(ForwardContext context)
    {
        if (context.Dropout is null && !is_grad_enabled())
            return _known ??= Compute().DetachFromDisposeScope();
        Invalidate();
        return Compute();
    }

    private Tensor Compute()
    {
        using var weight = projection.Weight.Materialize(ScalarType.Float32);
        return Magnitude / Norm(weight, A, B, Scale);
    }
}
