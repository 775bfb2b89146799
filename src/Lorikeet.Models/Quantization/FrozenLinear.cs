using static TorchSharp.torch;

namespace Lorikeet.Models.Quantization;

/// <summary>
/// y = x Wᵀ for a frozen, compressed W. Autograd would keep the decompressed W alive from forward to backward; this
/// function keeps only the compressed form and decompresses again: dX = dY W, and W has no gradient.
/// </summary>
internal sealed class FrozenLinear : autograd.SingleTensorFunction<FrozenLinear>
{
    private const string Weight = "weight";

    public override string Name => nameof(FrozenLinear);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (x, weight) = ((Tensor)vars[0], (FrozenWeight)vars[1]);
        ctx.save_data(Weight, weight);
        return weight.Multiply(x);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) =>
        [((FrozenWeight)ctx.get_data(Weight)).MultiplyTransposed(grad_output), null!];
}
