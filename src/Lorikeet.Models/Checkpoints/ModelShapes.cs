using System.Text.Json.Nodes;
using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Checkpoints;

/// <summary>
/// Configurations of published models, as in their config.json: shapes to plan for and to measure on without a
/// download.
/// </summary>
public static class ModelShapes
{
    private const int Positions = 4096;

    private static readonly Dictionary<string, JsonObject> s_shapes = new()
    {
        ["llama2-7b"] = Of("llama", 32000, 4096, 11008, 32, 32, 32),
        ["llama2-13b"] = Of("llama", 32000, 5120, 13824, 40, 40, 40),
        ["llama2-70b"] = Of("llama", 32000, 8192, 28672, 80, 64, 8),
        ["llama3-8b"] = Of("llama", 128256, 4096, 14336, 32, 32, 8, ("rope_theta", 500000)),
        ["llama3.2-1b"] = Of(
            "llama", 128256, 2048, 8192, 16, 32, 8, ("rope_theta", 500000), ("tie_word_embeddings", true)),
        ["tinyllama-1.1b"] = Of("llama", 32000, 2048, 5632, 22, 32, 4),
        ["qwen3-0.6b"] = Of(
            "qwen3", 151936, 1024, 3072, 28, 16, 8, ("head_dim", 128), ("rope_theta", 1000000), ("rms_norm_eps", 1e-6),
            ("tie_word_embeddings", true)),
        ["qwen3-4b"] = Of(
            "qwen3", 151936, 2560, 9728, 36, 32, 8, ("head_dim", 128), ("rope_theta", 1000000), ("rms_norm_eps", 1e-6),
            ("tie_word_embeddings", true)),
        ["qwen3-8b"] = Of(
            "qwen3", 151936, 4096, 12288, 36, 32, 8, ("head_dim", 128), ("rope_theta", 1000000),
            ("rms_norm_eps", 1e-6)),
        ["gemma3-1b"] = Of(
            "gemma3_text", 262144, 1152, 6912, 26, 4, 1, ("head_dim", 256), ("sliding_window", 512),
            ("rms_norm_eps", 1e-6)),
        ["gemma3-4b"] = Of(
            "gemma3_text", 262208, 2560, 10240, 34, 8, 4, ("head_dim", 256), ("sliding_window", 1024),
            ("rms_norm_eps", 1e-6), ("rope_scaling", new JsonObject { ["rope_type"] = "linear", ["factor"] = 8.0 })),
        ["phi-4-mini"] = Of(
            "phi3", 200064, 3072, 8192, 32, 24, 8, ("partial_rotary_factor", 0.75), ("tie_word_embeddings", true)),
        ["smollm3-3b"] = Of("smollm3", 128256, 2048, 11008, 36, 16, 4, ("rope_theta", 5000000), ("rms_norm_eps", 1e-6)),
        ["olmo2-7b"] = Of("olmo2", 100352, 4096, 11008, 32, 32, 32, ("rope_theta", 500000), ("rms_norm_eps", 1e-6)),
        ["granite-3.3-8b"] = Of(
            "granite", 49159, 4096, 12800, 40, 32, 8, ("rope_theta", 10000000), ("tie_word_embeddings", true),
            ("embedding_multiplier", 12.0), ("attention_multiplier", 0.0078125), ("residual_multiplier", 0.22),
            ("logits_scaling", 16.0)),
        ["stories-15m"] = Of("llama", 32000, 288, 768, 6, 6, 6),
        ["nano-7m"] = Of("llama", 4096, 256, 704, 8, 8, 4, ("tie_word_embeddings", true)),
    };

    /// <summary>The names that <see cref="Find"/> knows, such as <c>llama2-7b</c> and <c>qwen3-4b</c>.</summary>
    public static IReadOnlyCollection<string> Names => s_shapes.Keys;

    /// <summary>The configuration of that name, as its config.json has it, but with room for 4096 positions.</summary>
    /// <param name="name">One of <see cref="Names"/>, in lower case.</param>
    /// <exception cref="ConfigurationException">The name is none of them; the message lists them.</exception>
    public static ModelConfig Find(string name) => s_shapes.GetValueOrDefault(name) is { } config
        ? ModelConfigReader.Read(config, $"the shape {name}")
        : throw new ConfigurationException($"'shape' is '{name}'. Expected one of: {string.Join(", ", Names)}.");

    private static JsonObject Of(
        string type, int vocabulary, int hidden, int inner, int layers, int heads, int keyValueHeads,
        params (string Key, JsonNode Value)[] more)
    {
        var config = new JsonObject
        {
            ["model_type"] = type,
            ["vocab_size"] = vocabulary,
            ["hidden_size"] = hidden,
            ["intermediate_size"] = inner,
            ["num_hidden_layers"] = layers,
            ["num_attention_heads"] = heads,
            ["num_key_value_heads"] = keyValueHeads,
            ["head_dim"] = hidden / heads,
            ["max_position_embeddings"] = Positions,
            ["rms_norm_eps"] = 1e-5,
        };
        foreach (var (key, value) in more)
            config[key] = value;
        return config;
    }
}
