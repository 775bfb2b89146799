using System.Text.Json.Nodes;
using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Checkpoints.Families;

/// <summary>SmolLM 3: Llama with every fourth layer not rotated.</summary>
internal sealed class SmolLm3 : ModelFamily
{
    private const int NotRotated = 4; // every so manyth layer, in llama.cpp and unless the file says otherwise

    public override string ModelType => "smollm3";

    public override string Architecture => "SmolLM3ForCausalLM";

    public override string? GgufArchitecture => "smollm3";

    public override bool RotatesNeighboursInGguf => true;

    public override JsonObject Defaults => new()
    {
        ["tie_word_embeddings"] = true,
        ["rope_theta"] = 2e6,
        ["no_rope_layer_interval"] = NotRotated,
    };

    public override ModelConfig Refine(ModelConfig shape, ConfigKeys keys)
    {
        var interval = keys["no_rope_layer_interval"].AsIntBetween(1, int.MaxValue);
        var rotates = keys.LayerSwitches("no_rope_layers", shape.LayerCount, layer => (layer + 1) % interval != 0);
        var window = keys["use_sliding_window"].AsBool(otherwise: false) ? keys.Window : null;
        var windowed = keys.WindowedLayers(shape.LayerCount, layer => window is not null && !rotates[layer]);
        return shape.With([.. rotates.Select((isRotated, layer) => shape.Layer(layer) with
        {
            Rope = isRotated ? shape.Rope : null,
            Window = windowed[layer] ? window : null,
        })]);
    }

    public override string? WhyNotInGguf(ModelConfig config) =>
        Enumerable.Range(0, config.LayerCount).Any(layer => config.Layer(layer) is var settings
            && (settings.Rope is null != ((layer + 1) % NotRotated == 0) || settings.Window is not null))
            ? $"rotates all layers but every {NotRotated}th, and knows no window"
            : null;

    public override void ReadGguf(JsonObject config, GgufSettings settings) =>
        config["no_rope_layer_interval"] = NotRotated;
}
