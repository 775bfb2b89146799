using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Checkpoints.Families;

/// <summary>Granite 3: Llama with factors on embeddings, attention, residuals and logits.</summary>
internal sealed class Granite : ModelFamily
{
    public override string ModelType => "granite";

    public override string Architecture => "GraniteForCausalLM";

    public override string? GgufArchitecture => null;

    public override ModelConfig Refine(ModelConfig shape, ConfigKeys keys) => shape with
    {
        EmbeddingScale = keys.Positive("embedding_multiplier") ?? 1,
        AttentionScale = keys.Positive("attention_multiplier") ?? 1,
        ResidualScale = keys.Positive("residual_multiplier") ?? 1,
        LogitDivisor = keys.Positive("logits_scaling") ?? 1,
    };
}
