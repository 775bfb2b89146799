using System.Text.Json.Nodes;
using Lorikeet.Formats.Gguf;
using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Checkpoints.Families;

/// <summary>
/// Phi 3, 3.5 and 4 (mini and medium): query, key and value in one matrix, gate and up in another; the first part of
/// each head is rotated.
/// </summary>
internal sealed class Phi3 : ModelFamily
{
    private const string OriginalLength = "rope.scaling.original_context_length";

    public override string ModelType => "phi3";

    public override string Architecture => "Phi3ForCausalLM";

    public override string? GgufArchitecture => "phi3";

    public override JsonObject Defaults => new() { ["rms_norm_eps"] = 1e-5 };

    public override bool RotatesPartially => true;

    public override ModelConfig Refine(ModelConfig shape, ConfigKeys keys) => shape with
    {
        FusedProjections = true,
        SlidingWindow = keys.Window,
        QueryKeyValueBias = false,
        AttentionOutputBias = false,
        FeedForwardBias = false,
    };

    public override string? WhyNotInGguf(ModelConfig config) =>
        config.HeadSize * config.HeadCount != config.HiddenSize ? "has heads of hidden size / heads here" : null;

    public override IEnumerable<KeyValuePair<string, GgufValue>> GgufMetadata(ModelConfig config)
    {
        if (config.SlidingWindow is null)
            yield return new("attention.sliding_window", 0u);
        if (config.Rope.Scaling != RopeScaling.LongRope)
            yield break;
        yield return new(OriginalLength, (uint)config.Rope.OriginalMaxPositions);
        yield return new(Checkpoints.GgufArchitecture.AttentionFactor, (float)config.Rope.CosineFactor);
    }

    public override void ReadGguf(JsonObject config, GgufSettings settings)
    {
        if (config["rope_scaling"]?["long_factor"] is null)
            return;
        config["original_max_position_embeddings"] = settings.Require(OriginalLength);
        config["rope_scaling"]!["attention_factor"] =
            settings.Number(Checkpoints.GgufArchitecture.AttentionFactor) ?? 1;
    }
}
