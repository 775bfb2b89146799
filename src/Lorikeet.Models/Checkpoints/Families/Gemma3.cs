using System.Text.Json.Nodes;
using Lorikeet.Formats.Gguf;
using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Checkpoints.Families;

/// <summary>
/// Gemma 3, text: the layer of Gemma 2 with queries and keys normalised per head in place of the caps, five layers with
/// a window to each without, and other rotary angles where there is a window.
/// </summary>
internal sealed class Gemma3 : ModelFamily
{
    private const string SlidingTheta = "rope.freq_base_swa";
    private const int GgufPeriod = 6;

    public override string ModelType => "gemma3_text";

    public override string Architecture => "Gemma3ForCausalLM";

    public override string? GgufArchitecture => "gemma3";

    public override bool HasWhole => true;

    public override JsonObject Defaults => new()
    {
        ["vocab_size"] = 262208,
        ["hidden_size"] = 2304,
        ["intermediate_size"] = 9216,
        ["num_hidden_layers"] = 26,
        ["hidden_activation"] = "gelu_pytorch_tanh",
        ["head_dim"] = 256,
        ["num_attention_heads"] = 8,
        ["num_key_value_heads"] = 4,
        ["max_position_embeddings"] = 131072,
        ["tie_word_embeddings"] = true,
        ["query_pre_attn_scalar"] = 256,
        ["sliding_window"] = 4096,
        ["sliding_window_pattern"] = 6,
        ["rope_theta"] = 1e6,
        ["rope_local_base_freq"] = 1e4,
    };

    public override ModelConfig Refine(ModelConfig shape, ConfigKeys keys)
    {
        if (keys["use_bidirectional_attention"].AsBool(otherwise: false))
            throw keys["use_bidirectional_attention"].Unexpected("false; a decoder sees what is before it");
        var common = Gemma2.WithLayer(shape, keys) with { QueryKeyNorm = QueryKeyNorm.PerHead };
        var given = keys["_sliding_window_pattern"];
        var pattern = (given.IsMissing ? keys["sliding_window_pattern"] : given).AsIntBetween(1, int.MaxValue);
        var windowed = keys.WindowedLayers(shape.LayerCount, layer => (layer + 1) % pattern != 0);
        var full = common.Layer(0);
        var sliding = full with { Window = keys.Window, Rope = keys.SlidingRope(shape.MaxPositions) };
        return common.With([.. windowed.Select(isWindowed => isWindowed ? sliding : full)]);
    }

    public override string? WhyNotInGguf(ModelConfig config) =>
        config.AttentionSoftCap is not null || config.LogitSoftCap is not null ? "caps nothing in this architecture"
        : SlidingRopeOf(config) is { Scaling: not RopeScaling.None } ? "stretches no angles where there is a window"
        : Gemma2.WhyLayersAreNotInGguf(config, 62, GgufPeriod);

    public override IEnumerable<KeyValuePair<string, GgufValue>> GgufMetadata(ModelConfig config) =>
    [
        .. Gemma2.GgufWindows(config, GgufPeriod),
        .. SlidingRopeOf(config) is { } rope ? [new(SlidingTheta, (float)rope.Theta)]
            : Array.Empty<KeyValuePair<string, GgufValue>>(),
    ];

    public override void ReadGguf(JsonObject config, GgufSettings settings)
    {
        Gemma2.ReadLayers(config, settings, 62, GgufPeriod);
        config["rope_local_base_freq"] = settings.Number(SlidingTheta) ?? 1e4;
    }

    private static RopeSettings? SlidingRopeOf(ModelConfig config) =>
        Enumerable.Range(0, config.LayerCount).Select(config.Layer)
            .FirstOrDefault(layer => layer.Window is not null)?.Rope;
}
