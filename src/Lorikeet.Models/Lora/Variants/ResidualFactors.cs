using Lorikeet.Models.Decoder;
using static TorchSharp.torch;

namespace Lorikeet.Models.Lora.Variants;

/// <summary>
/// LoRA that begins as a part of the weight, which the weight then gives up (PiSSA, OLoRA):
/// y = (W - s · B₀A₀) x + s · B A dropout(x). W itself stays as it is: the part is subtracted from W x.
/// </summary>
/// <remarks>PEFT stores W - s · B₀A₀, rounded to the type of the weight; in float32 the two are the same.</remarks>
internal sealed class ResidualFactors(
    Tensor a, Tensor b, Tensor initialA, Tensor initialB, double scale, double dropout)
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
    /// Whether factors are still as a singular value decomposition gave them, and so are themselves the part that the
    /// weight gave up. Where singular values lie close together, two machines split a weight differently, and only the
    /// factors tell which part it was.
    /// </summary>
    /// <param name="a">A, [rank, in].</param>
    /// <param name="b">B, [out, rank].</param>
    /// <remarks>
    /// Fresh from a singular value decomposition, A Aᵀ = Bᵀ B is diagonal; one training step ends that.
    /// </remarks>
    public static bool AreFresh(Tensor a, Tensor b)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var (rows, columns) = (matmul(a, a.t()), matmul(b.t(), b)); // [rank, rank]
        var values = rows.diagonal();
        var distance = stack([(rows - columns).abs().max(), (rows - diag(values)).abs().max()]).max().item<float>();
        return !(distance > Rounding * values.max().item<float>());
    }

    public override LoraFactors Copy() => new ResidualFactors(
        Parameter.LeafLike(A), Parameter.LeafLike(B), InitialA.clone().DetachFromDisposeScope(),
        InitialB.clone().DetachFromDisposeScope(), Scale, Dropout);

    public override void Dispose()
    {
        base.Dispose();
        InitialA.Dispose();
        InitialB.Dispose();
    }
}
