using System.Text.Json.Nodes;
using Lorikeet.Formats.Gguf;
using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Checkpoints.Families;

/// <summary>Qwen 3 with a mixture of experts in place of the feed-forward block of some or all layers.</summary>
internal sealed class Qwen3Moe : ModelFamily
{
    private const string Count = "expert_count";
    private const string Used = "expert_used_count";
    private const string Width = "expert_feed_forward_length";
    private const int MostExperts = 4096;
    private const int LargestWidth = 1 << 20;

    public override string ModelType => "qwen3_moe";

    public override string Architecture => "Qwen3MoeForCausalLM";

    public override string? GgufArchitecture => "qwen3moe";

    public override bool HasExperts => true;

    public override JsonObject Defaults => new()
    {
        ["num_experts_per_tok"] = 8,
        ["moe_intermediate_size"] = 768,
        ["norm_topk_prob"] = false,
        ["decoder_sparse_step"] = 1,
    };

    public override ModelConfig Refine(ModelConfig shape, ConfigKeys keys)
    {
        if (keys["output_router_logits"].AsBool(otherwise: false))
            throw keys["output_router_logits"].Unexpected(
                "false; the router is frozen, and its auxiliary loss is not computed");
        var countKey = keys["num_experts"].IsMissing ? keys["num_local_experts"] : keys["num_experts"];
        var count = countKey.AsIntBetweenOrNull(0, MostExperts) ?? 128;
        var step = keys["decoder_sparse_step"].AsIntBetween(1, int.MaxValue);
        var dense = keys["mlp_only_layers"].ItemsOrOne().Select(layer => layer.AsInt()).ToHashSet();
        var windowed = Qwen2.WithWindows(shape, keys) with
        {
            QueryKeyNorm = QueryKeyNorm.PerHead,
            Experts = count == 0 ? null : new ExpertSettings(
                count, keys["num_experts_per_tok"].AsIntBetween(1, count),
                keys["moe_intermediate_size"].AsIntBetween(1, LargestWidth), keys["norm_topk_prob"].AsBool()),
        };
        return windowed.With([.. Enumerable.Range(0, shape.LayerCount).Select(layer => windowed.Layer(layer) with
        {
            HasExperts = count > 0 && (layer + 1) % step == 0 && !dense.Contains(layer),
        })]);
    }

    public override string? WhyNotInGguf(ModelConfig config) =>
        Enumerable.Range(0, config.LayerCount).Any(layer => !config.Layer(layer).HasExperts)
            ? "has experts in every layer of this architecture"
        : config.Experts is { NormalisesWeights: false }
            ? "scales the weights of a token's experts to sum to one"
        : null;

    public override IEnumerable<KeyValuePair<string, GgufValue>> GgufMetadata(ModelConfig config) =>
    [
        new(Count, (uint)config.Experts!.Count), new(Used, (uint)config.Experts.PerToken),
        new(Width, (uint)config.Experts.IntermediateSize),
    ];

    public override void ReadGguf(JsonObject config, GgufSettings settings)
    {
        config["num_experts"] = settings.Require(Count);
        config["num_experts_per_tok"] = settings.Require(Used);
        config["moe_intermediate_size"] = settings.Require(Width);
        config["norm_topk_prob"] = true;
    }
}
