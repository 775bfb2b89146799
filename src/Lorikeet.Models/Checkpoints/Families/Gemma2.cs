using System.Text.Json.Nodes;
using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Checkpoints.Families;

/// <summary>
/// Gemma 2: norms on both sides of each block, weighted by 1 + w; GELU; embeddings scaled; attention scores and logits
/// capped; a window in every other layer.
/// </summary>
internal sealed class Gemma2 : ModelFamily
{
    public override string ModelType => "gemma2";

    public override string Architecture => "Gemma2ForCausalLM";

    public override string? GgufArchitecture => null;

    public override JsonObject Defaults => new()
    {
        ["hidden_activation"] = "gelu_pytorch_tanh",
        ["head_dim"] = 256,
        ["num_attention_heads"] = 8,
        ["num_key_value_heads"] = 4,
        ["max_position_embeddings"] = 8192,
        ["tie_word_embeddings"] = true,
        ["query_pre_attn_scalar"] = 256,
        ["sliding_window"] = 4096,
        ["final_logit_softcapping"] = 30.0,
        ["attn_logit_softcapping"] = 50.0,
    };

    public override ModelConfig Refine(ModelConfig shape, ConfigKeys keys)
    {
        var (window, common) = (keys.Window, WithLayer(shape, keys));
        var windowed = keys.WindowedLayers(shape.LayerCount, layer => layer % 2 == 0);
        return common.With(
            [.. windowed.Select(isWindowed => common.Layer(0) with { Window = isWindowed ? window : null })]);
    }

    /// <summary>What the layers of Gemma 2 and 3 have in common.</summary>
    public static ModelConfig WithLayer(ModelConfig shape, ConfigKeys keys) => shape with
    {
        NormPlacement = NormPlacement.BeforeAndAfter,
        NormWeighting = NormWeighting.OnePlusBeforeRounding,
        EmbeddingScale = Math.Sqrt(shape.HiddenSize),
        RoundsEmbeddingScale = true,
        AttentionScale = 1 / Math.Sqrt(keys["query_pre_attn_scalar"].AsDoubleBetween(1e-6, 1e9)),
        AttentionSoftCap = keys.Positive("attn_logit_softcapping"),
        LogitSoftCap = keys.Positive("final_logit_softcapping"),
        FeedForwardBias = false,
        Names = LayerNames.Llama with { FeedForwardNorm = TensorNames.PreFeedForwardNorm },
    };
}
