using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Checkpoints.Families;

/// <summary>Ministral: Llama with a window in some layers.</summary>
internal sealed class Ministral : ModelFamily
{
    public override string ModelType => "ministral";

    public override string Architecture => "MinistralForCausalLM";

    public override string? GgufArchitecture => null;

    public override ModelConfig Refine(ModelConfig shape, ConfigKeys keys)
    {
        var window = keys.Window;
        var windowed = keys.WindowedLayers(shape.LayerCount, _ => window is not null);
        return (shape with { QueryKeyValueBias = false, AttentionOutputBias = false, FeedForwardBias = false }).With(
            [.. windowed.Select(isWindowed => shape.Layer(0) with { Window = isWindowed ? window : null })]);
    }
}
