using System.Text.Json.Nodes;
using Lorikeet.Formats;
using Lorikeet.Formats.Json;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Models.Checkpoints;

/// <summary>Turns a Hugging Face <c>config.json</c> into a <see cref="ModelConfig"/>, old spellings and new.</summary>
/// <remarks>
/// A GGUF file's configuration is read here too, said over in these names, so bounds are the same for both.
/// </remarks>
internal sealed class ModelConfigReader
{
    // Wider, deeper or longer than any decoder there is; what goes beyond is a damaged file, and would only fill
    // memory.
    private const int MostLayers = 1024;
    private const int MostHeads = 4096;
    private const int LargestHead = 4096;
    private const int LargestWidth = 1 << 20;
    private const int MostPositions = 1 << 30;

    private static readonly string[] s_architectures = ["llama", "mistral", "qwen2", "qwen3"];

    private readonly JsonSetting _config;

    private ModelConfigReader(JsonSetting config) => _config = config;

    /// <summary>Reads a configuration.</summary>
    /// <exception cref="CheckpointException">
    /// A value is missing, impossible, or asks for what is computed otherwise here.
    /// </exception>
    public static ModelConfig Read(JsonSetting config) => new ModelConfigReader(config.RequireObject()).Read();

    /// <summary>Reads a configuration that was put together here.</summary>
    /// <param name="config">Keys and values of a config.json.</param>
    /// <param name="name">What errors call it.</param>
    public static ModelConfig Read(JsonObject config, string name) =>
        Read(JsonSetting.Of(config, new JsonOrigin(name)));

    private ModelConfig Read()
    {
        var type = _config["model_type"].AsString();
        if (!s_architectures.Contains(type))
            throw _config["model_type"]
                .Unexpected($"one of {string.Join(", ", s_architectures)}; others are not supported");
        RefuseWhatWouldChangeTheResult();
        StoredQuantization.RequireSupported(_config);

        var hidden = _config["hidden_size"].AsIntBetween(1, LargestWidth);
        var heads = _config["num_attention_heads"].AsIntBetween(1, MostHeads);
        var positions = _config["max_position_embeddings"].AsIntBetweenOrNull(1, MostPositions) ?? 2048;
        var attentionBias = _config["attention_bias"].AsBool(otherwise: false);
        return new ModelConfig
        {
            ModelType = type,
            VocabularySize = _config["vocab_size"].AsIntBetween(1, ReadingLimits.Vocabulary),
            HiddenSize = hidden,
            IntermediateSize = _config["intermediate_size"].AsIntBetween(1, LargestWidth),
            LayerCount = _config["num_hidden_layers"].AsIntBetween(1, MostLayers),
            HeadCount = heads,
            KeyValueHeadCount = ReadKeyValueHeads(heads),
            HeadSize = ReadHeadSize(hidden, heads),
            NormEpsilon = _config["rms_norm_eps"].AsDoubleBetweenOrNull(0, 1) ?? 1e-6,
            Rope = RopeSettings.Read(_config, positions, MostPositions),
            MaxPositions = positions,
            TiedEmbeddings = _config["tie_word_embeddings"].AsBool(otherwise: false),
            QueryKeyValueBias = type == "qwen2" || attentionBias,
            AttentionOutputBias = type != "qwen2" && attentionBias,
            FeedForwardBias = _config["mlp_bias"].AsBool(otherwise: false),
            QueryKeyNorm = type == "qwen3",
            SlidingWindow = ReadSlidingWindow(type),
            StoredType = _config["dtype"].AsStringOrNull() ?? _config["torch_dtype"].AsStringOrNull(),
            OutlierThreshold = StoredQuantization.OutlierThreshold(_config),
            Source = _config.ToObject(),
        };
    }

    private void RefuseWhatWouldChangeTheResult()
    {
        if (_config["hidden_act"].AsString("silu") is not ("silu" or "swish"))
            throw _config["hidden_act"].Unexpected("\"silu\"; others are not supported");
        if (_config["attention_dropout"].AsDouble(0) > 0)
            throw _config["attention_dropout"].Unexpected("0; dropout in attention is not supported");
        if (_config["partial_rotary_factor"].AsDouble(1) != 1)
            throw _config["partial_rotary_factor"].Unexpected("1; rotating a part of a head is not supported");
    }

    private int ReadKeyValueHeads(int heads)
    {
        var setting = _config["num_key_value_heads"];
        var count = setting.AsIntBetweenOrNull(1, heads) ?? heads;
        return heads % count == 0
            ? count
            : throw setting.Unexpected($"a divisor of num_attention_heads, which is {heads}");
    }

    private int ReadHeadSize(int hidden, int heads)
    {
        var setting = _config["head_dim"];
        if (setting.IsMissing && hidden % heads != 0)
            throw _config["hidden_size"]
                .Unexpected($"a multiple of num_attention_heads, which is {heads}, or a head_dim");
        var size = setting.AsIntBetweenOrNull(2, LargestHead) ?? hidden / heads;
        return size is > 0 and <= LargestHead && size % 2 == 0
            ? size
            : throw (setting.IsMissing ? _config["hidden_size"] : setting)
            .Unexpected(
                $"heads of an even size up to {LargestHead} (it is {size}), because rotary positions turn pairs");
    }

    private int? ReadSlidingWindow(string type)
    {
        if (type == "llama" || (type != "mistral" && !_config["use_sliding_window"].AsBool(otherwise: false)))
            return null;
        var types = _config["layer_types"];
        if (!types.IsMissing && types.Items().Select(layer => layer.AsString()).Distinct().Count() > 1)
            throw types.Unexpected("one kind for all layers; mixing sliding and full attention is not supported");
        return _config["sliding_window"].AsIntBetweenOrNull(1, MostPositions);
    }
}
