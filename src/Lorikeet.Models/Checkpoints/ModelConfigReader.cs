using System.Text.Json.Nodes;
using Lorikeet.Formats;
using Lorikeet.Formats.Json;
using Lorikeet.Models.Checkpoints.Families;
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

    private readonly JsonSetting _file;
    private readonly bool _isPart;
    private readonly ModelFamily _family;
    private readonly ConfigKeys _config;

    private ModelConfigReader(JsonSetting file)
    {
        var whole = ModelFamilies.OfTextPart(file);
        _isPart = whole is not null;
        _file = file = whole is null ? file : TextPart.Of(file, whole.Architecture);
        _family = ModelFamilies.Find(file["model_type"].AsString()) ?? throw file["model_type"]
            .Unexpected($"one of {string.Join(", ", ModelFamilies.ModelTypes)}; others are not supported");
        _config = new ConfigKeys(file, _family.Defaults);
    }

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
        RefuseWhatWouldChangeTheResult();
        StoredQuantization.RequireSupported(_file);

        var hidden = _config["hidden_size"].AsIntBetween(1, LargestWidth);
        var heads = _config["num_attention_heads"].AsIntBetween(1, MostHeads);
        var positions = _config["max_position_embeddings"].AsIntBetweenOrNull(1, ConfigKeys.MostPositions) ?? 2048;
        var attentionBias = _config["attention_bias"].AsBool(otherwise: false);
        var headSize = ReadHeadSize(hidden, heads);
        var rope = _config.Rope(positions);
        var shape = new ModelConfig
        {
            ModelType = _family.ModelType,
            VocabularySize = _config["vocab_size"].AsIntBetween(1, ReadingLimits.Vocabulary),
            HiddenSize = hidden,
            IntermediateSize = _config["intermediate_size"].AsIntBetween(1, LargestWidth),
            LayerCount = _config["num_hidden_layers"].AsIntBetween(1, MostLayers),
            HeadCount = heads,
            KeyValueHeadCount = ReadKeyValueHeads(heads),
            HeadSize = headSize,
            NormEpsilon = _config["rms_norm_eps"].AsDoubleBetweenOrNull(0, 1) ?? 1e-6,
            Rope = rope,
            RotarySize = ReadRotarySize(headSize),
            MaxPositions = positions,
            TiedEmbeddings = _config["tie_word_embeddings"].AsBool(otherwise: false),
            QueryKeyValueBias = attentionBias,
            AttentionOutputBias = attentionBias,
            FeedForwardBias = _config["mlp_bias"].AsBool(otherwise: false),
            Activation = ReadActivation(),
            StoredType = _config["dtype"].AsStringOrNull() ?? _config["torch_dtype"].AsStringOrNull(),
            OutlierThreshold = StoredQuantization.OutlierThreshold(_file),
            IsTextPart = _isPart,
            Source = _file.ToObject(),
        };
        RequireFactors(rope, shape.RotarySize);
        return _family.Refine(shape, _config);
    }

    private void RefuseWhatWouldChangeTheResult()
    {
        if (_config["attention_dropout"].AsDouble(0) > 0)
            throw _config["attention_dropout"].Unexpected("0; dropout in attention is not supported");
    }

    private GateActivation ReadActivation()
    {
        var setting = _config["hidden_activation"].IsMissing ? _config["hidden_act"] : _config["hidden_activation"];
        return setting.AsString("silu") switch
        {
            "silu" or "swish" => GateActivation.Silu,
            "gelu_pytorch_tanh" => GateActivation.GeluTanh,
            _ => throw setting.Unexpected("\"silu\" or \"gelu_pytorch_tanh\"; others are not supported"),
        };
    }

    /// <summary>The part of a head that is rotated: a share of it, rounded down as in transformers.</summary>
    private int ReadRotarySize(int headSize)
    {
        var inside = _config["rope_parameters"]["partial_rotary_factor"];
        var setting = inside.IsMissing ? _config["partial_rotary_factor"] : inside;
        var share = setting.AsDoubleBetweenOrNull(0, 1) ?? 1;
        if (share != 1 && !_family.RotatesPartially)
            throw setting.Unexpected("1; rotating a part of a head is not supported in this architecture");
        var size = (int)(headSize * share);
        return size > 0 && size % 2 == 0
            ? size
            : throw setting.Unexpected($"a share that makes an even number of a head's {headSize} elements");
    }

    private void RequireFactors(RopeSettings rope, int rotarySize)
    {
        if (rope.Scaling != RopeScaling.LongRope)
            return;
        (string, IReadOnlyList<float>)[] lists =
            [("short_factor", rope.ShortFactors), ("long_factor", rope.LongFactors)];
        foreach (var (name, factors) in lists)
        {
            if (factors.Count != rotarySize / 2)
                throw new CheckpointException(
                    $"'rope_scaling.{name}' has {factors.Count} numbers. Expected {rotarySize / 2}, one for each pair "
                    + $"of the {rotarySize} rotated elements of a head. Where: {_file.File}. Download the "
                    + "model again.");
        }
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
}
