using System.Text.Json.Nodes;
using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Checkpoints.Families;

/// <summary>SmolLM 3: Llama with every fourth layer not rotated.</summary>
internal sealed class SmolLm3 : ModelFamily
{
    public override string ModelType => "smollm3";

    public override string Architecture => "SmolLM3ForCausalLM";

    public override string? GgufArchitecture => null;

    public override JsonObject Defaults => new()
    {
        ["tie_word_embeddings"] = true,
        ["rope_theta"] = 2e6,
        ["no_rope_layer_interval"] = 4,
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
}
