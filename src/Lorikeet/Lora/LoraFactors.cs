// Low-rank adaptation, arXiv 2106.09685:  y = W x + s · B A dropout(x)
//
// A is [r, in], B is [out, r], both float32 leaves whatever the compute type. s is alpha / r, or alpha / sqrt(r) with
// rank stabilisation (arXiv 2312.03732). Dropout acts on the input of A only. PEFT: tuners/lora/layer.py.
using Lorikeet.Models;
using static TorchSharp.torch;

namespace Lorikeet.Lora;

/// <summary>The trainable pair on one projection.</summary>
internal sealed class LoraFactors(Tensor a, Tensor b, double scale, double dropout) : IDisposable
{
    /// <summary>[rank, in], float32.</summary>
    public Tensor A { get; } = a;

    /// <summary>[out, rank], float32.</summary>
    public Tensor B { get; } = b;

    /// <summary>Factor on B A x.</summary>
    public double Scale { get; } = scale;

    /// <summary>Probability that an input of A is dropped in training.</summary>
    public double Dropout { get; } = dropout;

    /// <summary>Whether the adapter acts; switched off to ask the base model.</summary>
    public bool Enabled { get; set; } = true;

    public long Rank => A.shape[0];

    /// <summary>y + s · B A dropout(x) in the type of <paramref name="x"/>, [tokens, out].</summary>
    public Tensor AddTo(Tensor y, Tensor x, ForwardContext context, int projection)
    {
        var input = Dropout > 0 && context.Dropout is { } key ? key.Apply(x, Dropout, projection) : x;
        var narrow = nn.functional.linear(input, A.to_type(x.dtype)); // [tokens, rank]
        return addmm(y, narrow, B.to_type(x.dtype).t(), 1, (float)Scale);
    }

    /// <summary>s · B A as float32 [out, in]: what merging adds to the weight.</summary>
    public Tensor Delta() => matmul(B, A).mul_(Scale);

    public void Dispose()
    {
        A.Dispose();
        B.Dispose();
    }
}
