using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Checkpoints.Families;

/// <summary>Qwen 2 and 2.5: biases of query, key and value; a window, if any, in the upper layers.</summary>
internal sealed class Qwen2 : ModelFamily
{
    private const int WindowedFrom = 28;

    public override string ModelType => "qwen2";

    public override string Architecture => "Qwen2ForCausalLM";

    public override string? GgufArchitecture => "qwen2";

    public override ModelConfig Refine(ModelConfig shape, ConfigKeys keys) => WithWindows(shape, keys) with
    {
        QueryKeyValueBias = true,
        AttentionOutputBias = false,
    };

    /// <summary>The window in the layers that have one, where <c>use_sliding_window</c> is on.</summary>
    public static ModelConfig WithWindows(ModelConfig shape, ConfigKeys keys)
    {
        if (!keys["use_sliding_window"].AsBool(otherwise: false) || keys.Window is not { } window)
            return shape;
        var from = keys["max_window_layers"].AsIntBetweenOrNull(0, int.MaxValue) ?? WindowedFrom;
        var windowed = keys.WindowedLayers(shape.LayerCount, layer => layer >= from);
        return shape.With(
            [.. windowed.Select(isWindowed => shape.Layer(0) with { Window = isWindowed ? window : null })]);
    }
}
