// LoRA on the embedding: a token's row is W[id] + s · B A[:, id], with A [r, vocabulary] zero and B [hidden, r] normal
// at the beginning, and no dropout. With DoRA every column of the table has a magnitude: g ⊙ (W[id] + s · B A[:, id]),
// g = m / ‖Wᵀ + s · BA‖ over the vocabulary. PEFT: tuners/lora/layer.py (Embedding), dora.py.
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Lora.Variants;

/// <summary>The trainable pair on the embedding.</summary>
internal sealed class EmbeddingFactors(Tensor a, Tensor b, Tensor? magnitude, double scale) : EmbeddingAdapter
{
    /// <summary>[rank, vocabulary], float32.</summary>
    public Tensor A { get; } = a;

    /// <summary>[hidden, rank], float32.</summary>
    public Tensor B { get; } = b;

    /// <summary>[hidden], float32; null without DoRA.</summary>
    public Tensor? Magnitude { get; } = magnitude;

    /// <summary>Factor on B A.</summary>
    public double Scale { get; } = scale;

    /// <summary>What is trained, as <see cref="LoraFactors.Trained"/>.</summary>
    public IEnumerable<(string Ending, Tensor Value, bool Decays)> Trained => Magnitude is null
        ? [(AdapterNames.EmbeddingA, A, true), (AdapterNames.EmbeddingB, B, true)]
        : [(AdapterNames.EmbeddingA, A, true), (AdapterNames.EmbeddingB, B, true),
            (AdapterNames.Magnitude, Magnitude, true)];

    /// <summary>‖Wᵀ + s · BA‖ over the vocabulary, float32 [hidden].</summary>
    public static Tensor Norm(Tensor table, Tensor a, Tensor b, double scale)
    {
        using var quiet = no_grad();
        // [vocabulary, hidden] to [hidden]
        return addmm(table.to_type(ScalarType.Float32), a.t(), b.t(), 1, (float)scale).norm(0);
    }

    public override Tensor AddTo(Tensor rows, Tensor ids, Tensor table)
    {
        var hidden = A.index_select(1, ids).t().to_type(rows.dtype); // [rank, tokens] to [tokens, rank]
        var adapted = addmm(rows, hidden, B.to_type(rows.dtype).t(), 1, (float)Scale); // [tokens, hidden]
        return Magnitude is null ? adapted : adapted * (Magnitude / Norm(table, A, B, Scale)).to_type(rows.dtype);
    }

    /// <summary>The same on memory of its own.</summary>
    public EmbeddingFactors Copy() => new(
        Parameter.LeafLike(A), Parameter.LeafLike(B), Magnitude is null ? null : Parameter.LeafLike(Magnitude), Scale);

    public override void Dispose()
    {
        A.Dispose();
        B.Dispose();
        Magnitude?.Dispose();
    }
}
