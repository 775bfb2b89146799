namespace Lorikeet.Models.Decoder;

/// <summary>
/// Names of modules in Hugging Face checkpoints; <see cref="LayerNames"/> says which of them a family has.
/// </summary>
internal static class TensorNames
{
    public const string Embedding = "model.embed_tokens";
    public const string FinalNorm = "model.norm";
    public const string Head = "lm_head";

    public const string Query = "self_attn.q_proj";
    public const string Key = "self_attn.k_proj";
    public const string Value = "self_attn.v_proj";
    public const string QueryKeyValue = "self_attn.qkv_proj";
    public const string Output = "self_attn.o_proj";
    public const string Gate = "mlp.gate_proj";
    public const string Up = "mlp.up_proj";
    public const string GateUp = "mlp.gate_up_proj";
    public const string Down = "mlp.down_proj";
    public const string InputNorm = "input_layernorm";
    public const string PostAttentionNorm = "post_attention_layernorm";
    public const string PreFeedForwardNorm = "pre_feedforward_layernorm";
    public const string PostFeedForwardNorm = "post_feedforward_layernorm";
    public const string QueryNorm = "self_attn.q_norm";
    public const string KeyNorm = "self_attn.k_norm";
    public const string Router = "mlp.gate";
    public const string Experts = "mlp.experts";

    private const string Layers = "model.layers.";

    /// <summary>The linear layers that a decoder layer may have, experts by the names of their parts.</summary>
    public static IReadOnlyList<string> Projections { get; } =
        [Query, Key, Value, QueryKeyValue, Output, Gate, Up, GateUp, Down];

    public static string Layer(int layer, string part) => $"{Layers}{layer}.{part}";

    public static string Weight(string module) => module + ".weight";

    public static string Bias(string module) => module + ".bias";

    /// <summary>
    /// Whether a tensor is the matrix of a linear layer inside a decoder layer, the router of experts left out: what
    /// quantization stores.
    /// </summary>
    public static bool IsLayerProjection(string name) =>
        Projections.Any(part => name.EndsWith($".{part}.weight", StringComparison.Ordinal))
        || (name.Contains($".{Experts}.", StringComparison.Ordinal)
            && Projections.Any(part => name.EndsWith($".{part.Split('.')[^1]}.weight", StringComparison.Ordinal)));

    /// <summary>Whether a module is an expert's or the router.</summary>
    public static bool IsOfExperts(string module) =>
        module.Contains($".{Experts}.", StringComparison.Ordinal)
        || module.EndsWith($".{Router}", StringComparison.Ordinal);
}
