using Lorikeet.Models.Native;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Lorikeet.Models.Decoder;

/// <summary>What attention makes of queries, keys and values, whoever sees whom.</summary>
/// <param name="Scale">Factor on the products of queries and keys.</param>
/// <param name="SoftCap">c, where scores are c · tanh(score / c) before the mask; null where they are not.</param>
internal readonly record struct AttentionRule(double Scale, double? SoftCap)
{
    /// <summary>The rule of a model.</summary>
    public static AttentionRule Of(ModelConfig config) => new(config.AttentionScale, config.AttentionSoftCap);

    /// <summary>softmax(scale · q kᵀ) v, [..., queries, headSize] in and out.</summary>
    /// <param name="query">[..., queries, headSize].</param>
    /// <param name="key">[..., keys, headSize].</param>
    /// <param name="value">[..., keys, headSize].</param>
    /// <param name="visible">bool, true where a query sees a key; null for everywhere.</param>
    /// <param name="isCausal">Whether a query sees the keys up to its own place; there is no mask then.</param>
    public Tensor Attend(Tensor query, Tensor key, Tensor value, Tensor? visible, bool isCausal = false)
    {
        if (SoftCap is { } cap)
            return Capped(query, key, value, isCausal ? Causal(query, key) : visible, cap);
        var own = Scale * Math.Sqrt(query.shape[^1]); // libtorch itself divides by sqrt(headSize)
        var scaled = Math.Abs(own - 1) < 1e-12 ? query : query.Times(own);
        return scaled_dot_product_attention(scaled, key, value, visible, is_casual: isCausal);
    }

    private Tensor Capped(Tensor query, Tensor key, Tensor value, Tensor? visible, double cap)
    {
        var scores = matmul(query, key.transpose(-2, -1)).Times(Scale); // [..., queries, keys]
        scores = scores.Over(cap).tanh().Times(cap);
        if (visible is not null)
            scores = scores.FilledWhere(visible.logical_not(), double.NegativeInfinity);
        return matmul(softmax(scores, -1, ScalarType.Float32).to_type(value.dtype), value);
    }

    private static Tensor Causal(Tensor query, Tensor key) =>
        ones(query.shape[^2], key.shape[^2], ScalarType.Bool, query.device).tril();
}
