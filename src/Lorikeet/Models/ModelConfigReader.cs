using System.Text.Json.Nodes;
using Lorikeet.Quantization;

namespace Lorikeet.Models;

/// <summary>Turns a Hugging Face <c>config.json</c> into a <see cref="ModelConfig"/>, old spellings and new.</summary>
internal sealed class ModelConfigReader
{
    private static readonly string[] s_architectures = ["llama", "mistral", "qwen2", "qwen3"];

    private readonly JsonObject _source;
    private readonly string _path;

    private ModelConfigReader(JsonObject source, string path) => (_source, _path) = (source, path);

    public static ModelConfig Read(JsonObject source, string path) => new ModelConfigReader(source, path).Read();

    private ModelConfig Read()
    {
        var type = Text("model_type") ?? throw Fault("'model_type' is missing. A decoder model was expected");
        if (!s_architectures.Contains(type))
            throw Fault($"model_type '{type}' is not supported. Expected one of {string.Join(", ", s_architectures)}");
        RefuseWhatWouldChangeTheResult();

        var hidden = Integer("hidden_size") ?? throw Missing("hidden_size");
        var heads = Integer("num_attention_heads") ?? throw Missing("num_attention_heads");
        var headSize = Integer("head_dim") ?? hidden / heads;
        var positions = Integer("max_position_embeddings") ?? 2048;
        var attentionBias = Flag("attention_bias");
        return new ModelConfig
        {
            ModelType = type,
            VocabularySize = Integer("vocab_size") ?? throw Missing("vocab_size"),
            HiddenSize = hidden,
            IntermediateSize = Integer("intermediate_size") ?? throw Missing("intermediate_size"),
            LayerCount = Integer("num_hidden_layers") ?? throw Missing("num_hidden_layers"),
            HeadCount = heads,
            KeyValueHeadCount = Integer("num_key_value_heads") ?? heads,
            HeadSize = headSize,
            NormEpsilon = Number("rms_norm_eps") ?? 1e-6,
            Rope = RopeSettings.Read(_source, positions, fault => Fault(fault)),
            MaxPositions = positions,
            TiedEmbeddings = Flag("tie_word_embeddings"),
            QueryKeyValueBias = type == "qwen2" || attentionBias,
            AttentionOutputBias = type != "qwen2" && attentionBias,
            FeedForwardBias = Flag("mlp_bias"),
            QueryKeyNorm = type == "qwen3",
            SlidingWindow = ReadSlidingWindow(type),
            StoredType = Text("dtype") ?? Text("torch_dtype"),
            OutlierThreshold = _source["quantization_config"]?["llm_int8_threshold"]?.GetValue<double>()
                ?? EightBitWeight.DefaultThreshold,
            Source = _source,
        };
    }

    private void RefuseWhatWouldChangeTheResult()
    {
        var activation = Text("hidden_act") ?? "silu";
        if (activation is not ("silu" or "swish"))
            throw Fault($"hidden_act '{activation}' is not supported. Expected 'silu'");
        if (Number("attention_dropout") is > 0)
            throw Fault($"attention_dropout {Number("attention_dropout")} is not supported. Expected 0");
        if (Number("partial_rotary_factor") is { } share and not 1.0)
            throw Fault($"partial_rotary_factor {share} is not supported. Expected 1");
    }

    private int? ReadSlidingWindow(string type)
    {
        if (type == "llama" || (type != "mistral" && !Flag("use_sliding_window"))) return null;
        if (_source["layer_types"] is JsonArray types && types.Select(layer => layer!.GetValue<string>()).Distinct().Count() > 1)
            throw Fault("layer_types mixes sliding and full attention, which is not supported");
        return Integer("sliding_window");
    }

    private string? Text(string key) => _source[key]?.GetValue<string>();

    private int? Integer(string key) => _source[key]?.GetValue<int>();

    private double? Number(string key) => _source[key]?.GetValue<double>();

    private bool Flag(string key) => _source[key]?.GetValue<bool>() ?? false;

    private CheckpointException Missing(string key) => Fault($"'{key}' is missing");

    private CheckpointException Fault(string what) => new($"{what}. Where: {_path}.");
}
