using System.Text.Json.Nodes;
using Lorikeet.Formats.Gguf;
using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Checkpoints.Families;

/// <summary>Granite 3: Llama with factors on embeddings, attention, residuals and logits.</summary>
internal sealed class Granite : ModelFamily
{
    private const string Logits = "logit_scale";
    private const string Residual = "residual_scale";
    private const string Embedding = "embedding_scale";
    private const string Attention = "attention.scale";

    public override string ModelType => "granite";

    public override string Architecture => "GraniteForCausalLM";

    public override string? GgufArchitecture => "granite";

    public override bool RotatesNeighboursInGguf => true;

    public override ModelConfig Refine(ModelConfig shape, ConfigKeys keys) => shape with
    {
        EmbeddingScale = keys.Positive("embedding_multiplier") ?? 1,
        AttentionScale = keys.Positive("attention_multiplier") ?? 1,
        ResidualScale = keys.Positive("residual_multiplier") ?? 1,
        LogitDivisor = keys.Positive("logits_scaling") ?? 1,
    };

    public override IEnumerable<KeyValuePair<string, GgufValue>> GgufMetadata(ModelConfig config) =>
    [
        new(Logits, (float)config.LogitDivisor), new(Residual, (float)config.ResidualScale),
        new(Embedding, (float)config.EmbeddingScale), new(Attention, (float)config.AttentionScale),
    ];

    public override void ReadGguf(JsonObject config, GgufSettings settings)
    {
        config["logits_scaling"] = settings.RequireNumber(Logits);
        config["residual_multiplier"] = settings.Number(Residual) ?? 1;
        config["embedding_multiplier"] = settings.Number(Embedding) ?? 1;
        config["attention_multiplier"] = settings.RequireNumber(Attention);
    }
}
