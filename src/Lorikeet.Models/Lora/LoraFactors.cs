// Low-rank adaptation, arXiv 2106.09685:  y = W x + s · B A dropout(x)
//
// A is [r, in], B is [out, r], both float32 leaves whatever the compute type. s is alpha / r, or alpha / sqrt(r) with
// rank stabilisation (arXiv 2312.03732). Dropout acts on the input of A only. PEFT: tuners/lora/layer.py.
using Lorikeet.Models.Decoder;
using static TorchSharp.torch;

namespace Lorikeet.Models.Lora;

/// <summary>The trainable pair on one projection. Variants that compute more than this derive from it.</summary>
internal class LoraFactors(Tensor a, Tensor b, double scale, double dropout) : ProjectionAdapter
{
    /// <summary>The down-projection, [rank, in], float32.</summary>
    public Tensor A { get; } = a;

    /// <summary>The up-projection, [out, rank], float32.</summary>
    public Tensor B { get; } = b;

    /// <summary>Factor on B A x.</summary>
    public double Scale { get; } = scale;

    /// <summary>Probability that an input of A is dropped in training.</summary>
    public double Dropout { get; } = dropout;

    public long Rank => A.shape[0];

    /// <summary>
    /// Whether A, B, scale and dropout are all there is; a faster path must leave everything else to AddTo.
    /// </summary>
    public virtual bool IsPlain => true;

    /// <summary>
    /// What is trained: the ending of its name after the module's, the tensor, whether weight decay applies.
    /// </summary>
    public virtual IEnumerable<(string Ending, Tensor Value, bool Decays)> Trained =>
        [(".lora_A", A, true), (".lora_B", B, true)];

    /// <summary>y + s · B A dropout(x) in the type of <paramref name="x"/>, [tokens, out].</summary>
    public override Tensor AddTo(Tensor y, Tensor x, ForwardContext context, int projection) =>
        AddProduct(y, Drop(x, context, projection), A, B, Scale);

    /// <summary>The same on memory of its own.</summary>
    public virtual LoraFactors Copy() => new(Parameter.LeafLike(A), Parameter.LeafLike(B), Scale, Dropout);

    public override void Dispose()
    {
        A.Dispose();
        B.Dispose();
    }

    /// <summary>The input of A.</summary>
    protected Tensor Drop(Tensor x, ForwardContext context, int projection) =>
        Dropout > 0 && context.Dropout is { } key ? key.Apply(x, Dropout, projection) : x;

    /// <summary>y + scale · b a x in the type of <paramref name="x"/>.</summary>
    protected static Tensor AddProduct(Tensor y, Tensor x, Tensor a, Tensor b, double scale)
    {
        var hidden = nn.functional.linear(x, a.to_type(x.dtype)); // u = x Aᵀ, [tokens, rank]
        return addmm(y, hidden, b.to_type(x.dtype).t(), 1, (float)scale); // y + scale · u Bᵀ, [tokens, out]
    }
}
