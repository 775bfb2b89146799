using System.Text.Json.Nodes;
using Lorikeet.Formats.Gguf;
using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Checkpoints.Families;

/// <summary>
/// Gemma 2: norms on both sides of each block, weighted by 1 + w; GELU; embeddings scaled; attention scores and logits
/// capped; a window in every other layer.
/// </summary>
internal sealed class Gemma2 : ModelFamily
{
    private const string Period = "attention.sliding_window_pattern";
    private const string AttentionCap = "attn_logit_softcapping";
    private const string LogitCap = "final_logit_softcapping";
    private const int GgufPeriod = 2;

    public override string ModelType => "gemma2";

    public override string Architecture => "Gemma2ForCausalLM";

    public override string? GgufArchitecture => "gemma2";

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

    public override string? WhyNotInGguf(ModelConfig config) =>
        config.AttentionSoftCap is null || config.LogitSoftCap is null ? "caps attention scores and logits"
        : WhyLayersAreNotInGguf(config, 46, GgufPeriod);

    /// <summary>What of the layers of Gemma 2 and 3 llama.cpp computes otherwise.</summary>
    /// <param name="config">The model's shape.</param>
    /// <param name="layersOfLargest">Layers of the model that scales attention by hidden size / heads.</param>
    /// <param name="usual">The period of layers without a window that it takes unless the file says another.</param>
    public static string? WhyLayersAreNotInGguf(ModelConfig config, int layersOfLargest, int usual)
    {
        var width = config.LayerCount == layersOfLargest ? config.HiddenSize / config.HeadCount : config.HeadSize;
        if (Math.Abs(config.AttentionScale * Math.Sqrt(width) - 1) > 1e-6)
            return $"scales attention by 1 / sqrt({width})";
        if (config.QueryKeyValueBias || config.AttentionOutputBias)
            return "knows no biases in this architecture";
        return PeriodOf(config, usual) is null ? "has layers without a window at equal distances" : null;
    }

    /// <summary>
    /// n, where every nth layer has no window and the others have one; the usual one where several fit, null where none
    /// does.
    /// </summary>
    public static int? PeriodOf(ModelConfig config, int usual) =>
        Enumerable.Range(1, config.LayerCount).Prepend(usual).Cast<int?>().FirstOrDefault(period =>
            Enumerable.Range(0, config.LayerCount).All(layer =>
                config.Layer(layer).Window is not null == (layer % period < period - 1)));

    /// <summary>The window of some layers, and the period where it is not the usual one.</summary>
    public static IEnumerable<KeyValuePair<string, GgufValue>> GgufWindows(ModelConfig config, int usual)
    {
        var windows = Enumerable.Range(0, config.LayerCount).Select(layer => config.Layer(layer).Window);
        if (config.SlidingWindow is null && windows.FirstOrDefault(one => one is not null) is { } window)
            yield return new("attention.sliding_window", (uint)window);
        if (PeriodOf(config, usual) is { } period && period != usual)
            yield return new(Period, (uint)period);
    }

    public override IEnumerable<KeyValuePair<string, GgufValue>> GgufMetadata(ModelConfig config) =>
    [
        .. GgufWindows(config, GgufPeriod),
        new(AttentionCap, (float)config.AttentionSoftCap!.Value), new(LogitCap, (float)config.LogitSoftCap!.Value),
    ];

    public override void ReadGguf(JsonObject config, GgufSettings settings)
    {
        ReadLayers(config, settings, 46, GgufPeriod);
        config["attn_logit_softcapping"] = settings.Number(AttentionCap) ?? 50;
        config["final_logit_softcapping"] = settings.Number(LogitCap) ?? 30;
    }

    /// <summary>What Gemma 2 and 3 have in common.</summary>
    public static void ReadLayers(JsonObject config, GgufSettings settings, int layersOfLargest, int usual)
    {
        var (layers, heads) = ((int)config["num_hidden_layers"]!, (int)config["num_attention_heads"]!);
        var period = settings.Integer(Period) ?? usual;
        config.Remove("hidden_act");
        config.Remove("use_sliding_window");
        config["hidden_activation"] = "gelu_pytorch_tanh";
        config["query_pre_attn_scalar"] = layers == layersOfLargest
            ? (int)config["hidden_size"]! / heads
            : (int)config["head_dim"]!;
        config["layer_types"] = new JsonArray([.. Enumerable.Range(0, layers)
            .Select(layer => (JsonNode)(layer % period < period - 1 ? "sliding_attention" : "full_attention"))]);
    }
}
