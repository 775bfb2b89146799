using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Lorikeet.Formats.Gguf;
using Lorikeet.Formats.Json;
using Lorikeet.Models.Checkpoints.Families;
using Lorikeet.Models.Decoder;
using Lorikeet.Text.Tokenization.Gguf;

namespace Lorikeet.Models.Checkpoints;

/// <summary>
/// The configuration in a GGUF file, said over as the <c>config.json</c> that describes the same model.
/// </summary>
internal sealed class GgufConfig
{
    /// <summary>Name of the architecture that Llama and Mistral share.</summary>
    public const string Llama = "llama";

    private const string Epsilon = "attention.layer_norm_rms_epsilon";

    private readonly GgufFile _file;
    private readonly string _architecture;
    private readonly GgufSettings _settings;

    private GgufConfig(GgufFile file)
    {
        _file = file;
        _architecture = file.Metadata.Text(GgufNames.Architecture)
            ?? throw file.Metadata.Missing(GgufNames.Architecture);
        _settings = new GgufSettings(file.Metadata, _architecture);
    }

    /// <summary>Reads the configuration of a file.</summary>
    /// <exception cref="CheckpointException">It is damaged, or of a model that would be computed wrongly.</exception>
    public static ModelConfig Read(string path)
    {
        using var file = GgufFile.Open(path);
        return new GgufConfig(file).Read();
    }

    private ModelConfig Read()
    {
        Refuse();
        var factors = RopeFactors(GgufNames.RopeFactors);
        var source = Describe();
        var config = ModelConfigReader.Read(Setting(source));
        if (factors is null)
            return config;
        if (factors.Length != config.RotarySize / 2)
            throw Fault(
                $"Its {GgufNames.RopeFactors} has {factors.Length} elements", $"{config.RotarySize / 2} were expected");
        if (Llama3Factors.Recognise(factors, config) is { } scaling)
        {
            source["rope_scaling"] = scaling;
            return ModelConfigReader.Read(Setting(source));
        }

        // A name that no reader of config.json knows: a reader of the written configuration reports it.
        config.Source["rope_scaling"] = new JsonObject { ["rope_type"] = "gguf_rope_freqs" };
        return config.WithRope(rope => rope with { FrequencyFactors = factors });
    }

    private JsonSetting Setting(JsonObject config) => JsonSetting.Of(config, new JsonOrigin(_file.Path)
    {
        Advice = "The names are those that config.json has for the file's metadata. Download the file again.",
    });

    private void Refuse()
    {
        if (_file.Metadata.Text(GgufNames.Kind) is { } kind and not "model")
            throw Fault($"It holds a '{kind}'", "a model was expected. Give an adapter in PEFT's format as 'adapter'");
        if (!ModelFamilies.GgufArchitectures.Contains(_architecture))
        {
            throw Fault(
                $"Its architecture is '{_architecture}'",
                $"one of {string.Join(", ", ModelFamilies.GgufArchitectures)} was expected");
        }

        if (Integer("expert_count") is > 0 && !ModelFamilies.OfGguf(_architecture).Any(family => family.HasExperts))
            throw Fault("It is a mixture of experts", "a dense model was expected");
        if (Number(GgufArchitecture.AttentionFactor) is { } factor and not 1
            && _settings.Text("rope.scaling.type") != "yarn" && Tensor(GgufNames.LongRopeFactors) is null)
            throw Fault(
                $"Its {Key(GgufArchitecture.AttentionFactor)} is {factor}", "1 was expected where nothing is yarn");
        if (_file.Tensors.Count == 0)
            throw Fault("It holds no tensors, only a vocabulary", "a model was expected");
    }

    private JsonObject Describe()
    {
        var hidden = RequirePositive("embedding_length");
        var heads = RequirePositive("attention.head_count");
        var headSize = Integer("attention.key_length") ?? hidden / heads;
        var rotated = Integer("rope.dimension_count") ?? headSize;
        var window = Integer("attention.sliding_window") is > 0 and var tokens ? tokens : (int?)null;
        var family = FamilyOf(window);
        if (rotated != headSize && (!family.RotatesPartially || rotated > headSize))
            throw Fault($"It rotates {rotated} of {headSize} elements of a head", "all were expected");
        var positions = Require("context_length");
        var embedding = Tensor(GgufNames.Embedding)
            ?? throw Fault($"It has no {GgufNames.Embedding}", "a whole model was expected");
        if (embedding.Shape is not [> 0 and <= int.MaxValue, _])
        {
            throw Fault(
                $"Its {GgufNames.Embedding} has the shape [{string.Join(", ", embedding.Shape)}]",
                "a row for each token was expected");
        }

        var config = new JsonObject
        {
            ["architectures"] = new JsonArray(family.Architecture),
            ["model_type"] = family.ModelType,
            ["vocab_size"] = embedding.Shape[0],
            ["hidden_size"] = hidden,
            ["intermediate_size"] = Require("feed_forward_length"),
            ["num_hidden_layers"] = Require("block_count"),
            ["num_attention_heads"] = heads,
            ["num_key_value_heads"] = Integer("attention.head_count_kv") ?? heads,
            ["head_dim"] = headSize,
            ["hidden_act"] = "silu",
            ["rms_norm_eps"] = Number(Epsilon) ?? throw _file.Metadata.Missing(Key(Epsilon)),
            ["max_position_embeddings"] = positions,
            ["rope_theta"] = Number("rope.freq_base") ?? 10000,
            ["tie_word_embeddings"] = Tensor(GgufNames.Head) is null,
            ["attention_bias"] = Tensor("blk.0.attn_q.bias") is not null,
            ["mlp_bias"] = Tensor("blk.0.ffn_up.bias") is not null,
            ["dtype"] = StoredType(),
        };
        if (window is not null)
        {
            (config["sliding_window"], config["use_sliding_window"]) = (window, true);
            config["max_window_layers"] = 0;
        }

        if (rotated != headSize)
            config["partial_rotary_factor"] = ShareOf(rotated, headSize);
        if (RopeScaling(positions) is { } scaling)
            config["rope_scaling"] = scaling;
        if (_file.Metadata.Integer(GgufKeys.Begin) is { } begin)
            config["bos_token_id"] = begin;
        if (_file.Metadata.Integer(GgufKeys.End) is { } end)
            config["eos_token_id"] = end;
        family.ReadGguf(config, _settings);
        return config;
    }

    /// <summary>Of llama and mistral, which share an architecture, one has a window, in every layer.</summary>
    private ModelFamily FamilyOf(int? window)
    {
        ModelFamily[] families = [.. ModelFamilies.OfGguf(_architecture)];
        return window is null ? families[0] : families[^1];
    }

    /// <summary>A share of which transformers makes so many elements again, rounding down.</summary>
    private static double ShareOf(int rotated, int headSize)
    {
        var share = (double)rotated / headSize;
        return (int)(headSize * share) == rotated ? share : Math.BitIncrement(share);
    }

    private JsonObject? RopeScaling(int positions)
    {
        if (RopeFactors(GgufNames.ShortRopeFactors) is { } few && RopeFactors(GgufNames.LongRopeFactors) is { } many)
        {
            static JsonArray List(float[] factors) =>
                new([.. factors.Select(factor => (JsonNode)GgufSettings.Decimal(factor))]);
            return new JsonObject
            {
                ["rope_type"] = "longrope",
                ["short_factor"] = List(few),
                ["long_factor"] = List(many),
            };
        }

        var type = _settings.Text("rope.scaling.type")
            ?? (Number("rope.scale_linear") is null ? "none" : "linear");
        var factor = Number("rope.scaling.factor") ?? Number("rope.scale_linear");
        if (type == "none")
            return null;
        if (type is not ("linear" or "yarn") || factor is null)
        {
            throw Fault(
                $"Its {Key("rope.scaling.type")} is '{type}' with the factor '{factor}'",
                "none, linear or yarn was expected");
        }

        var scaling = new JsonObject { ["rope_type"] = type, ["factor"] = factor };
        if (type == "linear")
            return scaling;
        scaling["original_max_position_embeddings"] = Integer("rope.scaling.original_context_length") ?? positions;
        if (Number(GgufArchitecture.AttentionFactor) is { } onto and not 1)
            scaling["attention_factor"] = onto * GgufArchitecture.YarnFactor(factor.Value);
        // Files written here once, which only we read so
        else if (Number("rope.scaling.yarn_attn_factor") is { } attention)
            scaling["attention_factor"] = attention;
        if (Number("rope.scaling.yarn_beta_fast") is { } fast)
            scaling["beta_fast"] = fast;
        if (Number("rope.scaling.yarn_beta_slow") is { } slow)
            scaling["beta_slow"] = slow;
        return scaling;
    }

    private float[]? RopeFactors(string name)
    {
        if (Tensor(name) is not { } tensor)
            return null;
        if (tensor.Type != GgufType.F32)
            throw Fault($"Its {name} is of the type {tensor.Type}", "F32 was expected");
        return MemoryMarshal.Cast<byte, float>(_file.Slice(tensor, 0, checked((int)tensor.ByteCount))).ToArray();
    }

    /// <summary>The type that dequantized weights lose nothing in that matters.</summary>
    private string StoredType() => (Tensor("blk.0.attn_q.weight") ?? Tensor("blk.0.attn_qkv.weight"))?.Type switch
    {
        GgufType.F32 => "float32",
        GgufType.F16 => "float16",
        _ => "bfloat16",
    };

    private GgufTensor? Tensor(string name) => _file.Tensors.GetValueOrDefault(name);

    private string Key(string name) => _settings.Key(name);

    private int Require(string name) => _settings.Require(name);

    private int RequirePositive(string name) => Require(name) is > 0 and var number
        ? number
        : throw Fault($"Its {Key(name)} is {Require(name)}", "at least 1 was expected");

    private int? Integer(string name) => _settings.Integer(name);

    private double? Number(string name) => _settings.Number(name);

    private CheckpointException Fault(string actual, string expected) =>
        new($"{actual}; {expected}. Where: '{_file.Path}'.");
}
