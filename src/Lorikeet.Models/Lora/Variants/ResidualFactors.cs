using Lorikeet.Models.Decoder;
using static TorchSharp.torch;

namespace Lorikeet.Models.Lora.Variants;

/// <summary>
/// LoRA that begins as a part of the weight, which the weight then gives up (PiSSA, OLoRA):
/// y = (W - s · B₀A₀) x + s · B A dropout(x). W itself stays as it is: the part is subtracted in the product.
/// </summary>
/// <remarks>PEFT stores W - s · B₀A₀, rounded to the type of the weight; in float32 the two are the same.</remarks>
internal sealed class ResidualFactors(Tensor a, Tensor b, Tensor initialA, Tensor initialB, double scale, double dropout)
    : LoraFactors(a, b, scale, dropout)
{
    // Orthogonality of float32 singular vectors, relative to the largest value.
    private const float Rounding = 5e-6f;

    /// <summary>A₀, [rank, in], float32, frozen.</summary>
    public Tensor InitialA { get; } = initialA;

    /// <summary>B₀, [out, rank], float32, frozen.</summary>
    public Tensor InitialB { get; } = initialB;

    public override bool IsPlain => false;

    public override Tensor AddTo(Tensor y, Tensor x, ForwardContext context, int projection) =>
        base.AddTo(AddProduct(y, x, InitialA, InitialB, -Scale), x, context, projection);

    /// <summary>
    /// Makes factors that are still as the decomposition gave them the part that the weight gave up. Where singular
    /// values lie close together, two machines split a weight differently, and only the factors themselves tell which
    /// part it was.
    /// </summary>
    /// <remarks>
    /// Fresh from a singular value decomposition, A Aᵀ = Bᵀ B is diagonal; one training step ends that.
    /// </remarks>
    public void SettleInitial()
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var (rows, columns) = (matmul(A, A.t()), matmul(B.t(), B));
        var values = rows.diagonal();
        var distance = stack([(rows - columns).abs().max(), (rows - diag(values)).abs().max()]).max().item<float>();
        if (distance > Rounding * values.max().item<float>())
            return;
        InitialA.copy_(A);
        InitialB.copy_(B);
    }

    public override void Dispose()
    {
        base.Dispose();
        InitialA.Dispose();
        InitialB.Dispose();
    }
}
