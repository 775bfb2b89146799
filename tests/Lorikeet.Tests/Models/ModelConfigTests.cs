using System.Text.Json.Nodes;
using Lorikeet.Formats.Gguf;
using Lorikeet.Formats.Json;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Testing;

namespace Lorikeet.Tests.Models;

public sealed class ModelConfigTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("num_attention_heads", "0", "'num_attention_heads' is 0. Expected a whole number from 1 to")]
    [InlineData(
        "num_attention_heads", "3", "'hidden_size' is 64. Expected a multiple of num_attention_heads, which is 3")]
    [InlineData(
        "num_key_value_heads", "3",
        "'num_key_value_heads' is 3. Expected a divisor of num_attention_heads, which is 4")]
    [InlineData("num_key_value_heads", "8", "'num_key_value_heads' is 8. Expected a whole number from 1 to 4")]
    [InlineData("head_dim", "15", "'head_dim' is 15. Expected heads of an even size")]
    [InlineData("hidden_size", "\"64\"", "'hidden_size' is \"64\". Expected a whole number")]
    [InlineData("hidden_size", "64.5", "'hidden_size' is 64.5. Expected a whole number")]
    [InlineData("hidden_size", "-64", "'hidden_size' is -64. Expected a whole number")]
    [InlineData(
        "num_hidden_layers", "2000000000", "'num_hidden_layers' is 2000000000. Expected a whole number from 1 to")]
    [InlineData("vocab_size", "99999999999999999999", "'vocab_size' is 99999999999999999999. Expected a whole number")]
    [InlineData("vocab_size", null, "'vocab_size' is missing. Expected a whole number")]
    [InlineData("rms_norm_eps", "NaN", "'rms_norm_eps' is NaN. Expected a number from 0 to 1")]
    [InlineData("rms_norm_eps", "1e999", "'rms_norm_eps' is 1e999. Expected a number from 0 to 1")]
    [InlineData("tie_word_embeddings", "1", "'tie_word_embeddings' is 1. Expected true or false")]
    [InlineData("model_type", "[1]", "'model_type' is [1]. Expected a string")]
    [InlineData(
        "model_type", "\"mamba\"", "'model_type' is \"mamba\". Expected one of llama, mistral, ministral, qwen2")]
    [InlineData("hidden_act", "\"gelu\"", "'hidden_act' is \"gelu\". Expected \"silu\"")]
    [InlineData("rope_parameters", "[]", "'rope_parameters' is []. Expected an object")]
    [InlineData(
        "rope_parameters", """{"rope_theta": 0}""", "'rope_parameters.rope_theta' is 0. Expected a number from 1 to")]
    [InlineData(
        "rope_parameters", """{"rope_type": "linear"}""",
        "'rope_parameters.factor' is missing. Expected a number, which rope_type 'linear' needs")]
    [InlineData(
        "rope_parameters", """{"rope_type": "linear", "factor": 0}""",
        "'rope_parameters.factor' is 0. Expected a number")]
    [InlineData(
        "rope_parameters", """{"rope_type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 4}""",
        "'rope_parameters.high_freq_factor' is 4. Expected more than low_freq_factor")]
    [InlineData(
        "rope_parameters", """{"rope_type": "abf"}""",
        "'rope_parameters.rope_type' is \"abf\". Expected default, linear")]
    [InlineData(
        "rope_parameters", """{"rope_type": "longrope"}""",
        "'rope_parameters.short_factor' is missing. Expected an array")]
    [InlineData(
        "quantization_config", """{"quant_method": "gptq", "bits": 4}""",
        "The weights are quantized by gptq, as 'quantization_config' in")]
    [InlineData("quantization_config", """{"quant_method": "awq"}""", "The weights are quantized by awq, as")]
    [InlineData("quantization_config", """{"quant_method": "fp8"}""", "The weights are quantized by fp8, as")]
    [InlineData(
        "quantization_config", """{"quant_method": "compressed-tensors"}""",
        "The weights are quantized by compressed-tensors, as")]
    [InlineData(
        "quantization", """{"group_size": 64, "bits": 4}""", "The weights are quantized by MLX, as 'quantization' in")]
    [InlineData(
        "quantization_config", """{"llm_int8_threshold": "6"}""",
        "'quantization_config.llm_int8_threshold' is \"6\". Expected a number")]
    public void ConfigJsonIsRefused_ByKeyAndValue(string key, string? value, string message)
    {
        var model = key == "num_attention_heads" && value == "3" ? WithoutHeadSize() : Golden();
        Write(model, key, value);

        var fault = Assert.Throws<CheckpointException>(() => ModelConfigFile.Load(_folder.Path)).Message;

        Assert.StartsWith(message, fault);
        Assert.Contains(_folder["config.json"], fault);
    }

    [Theory]
    [InlineData("null", "The text is null. Expected an object")]
    [InlineData("""{"model_type": "llama", "model_type": "qwen2"}""", "the key 'model_type' is there twice")]
    [InlineData("""{"model_type": "llama",}""", "a comma before '}'")]
    [InlineData("", "the file is empty")]
    public void ConfigJsonIsRefused_WhenItIsNoObject(string text, string message)
    {
        File.WriteAllText(_folder["config.json"], text);

        Assert.Contains(message, Assert.Throws<CheckpointException>(() => ModelConfigFile.Load(_folder.Path)).Message);
    }

    [Fact]
    public void UnknownKeysKeepTheirText_WhenTheConfigurationIsWrittenAgain()
    {
        var text = File.ReadAllText(TestAssets.Golden("models", "gqa", "config.json"));
        var own = text.Replace(
            "\"use_cache\": true",
            "\"own\": [1.0, 1e-05, NaN, 123456789012345678901, \"\\u00e9\"],\n  \"use_cache\": true");
        File.WriteAllText(_folder["config.json"], own);

        ModelFiles.WriteConfig(_folder.Path, ModelConfigFile.Load(_folder.Path).Source);

        var written = File.ReadAllText(_folder["config.json"]);
        Assert.Equal(Squeeze(own), Squeeze(written));
        Assert.Contains("\"rope_theta\": 10000.0", written);

        static string Squeeze(string json) => json.Replace(" ", "").Replace("\n", "");
    }

    [Theory]
    [InlineData("llama.attention.head_count", "Its llama.attention.head_count is 0; at least 1 was expected")]
    [InlineData("llama.block_count", "'num_hidden_layers' is 0. Expected a whole number from 1 to")]
    [InlineData("llama.attention.head_count_kv", "'num_key_value_heads' is 0. Expected a whole number from 1 to 4")]
    [InlineData("", "Its token_embd.weight has the shape []")]
    public void AGgufFileIsHeldToTheSameBounds(string zero, string message)
    {
        var config = ModelConfigFile.Load(TestAssets.Golden("models", "gqa"));
        var path = _folder["model.gguf"];
        long[] shape = zero == "" ? [] : [config.VocabularySize, 1];
        GgufWriter.Write(
            path,
            [
                new(GgufNames.Architecture, "llama"),
                .. GgufArchitecture.Describe(config).Select(pair => pair.Key == zero ? new(zero, 0u) : pair),
            ],
            [new GgufTensorToWrite(
                GgufNames.Embedding, GgufType.F32, shape,
                stream => stream.Write(new byte[4 * (zero == "" ? 1 : config.VocabularySize)]))]);

        var fault = Assert.Throws<CheckpointException>(() => ModelConfigFile.Load(path)).Message;

        Assert.StartsWith(message, fault);
        Assert.Contains(path, fault);
    }

    [Fact]
    public void TheEmbeddedModelsConfiguration_IsWrittenAsPythonWouldWriteIt()
    {
        var folder = Path.Combine(TestAssets.Root, "assets", "nano-base");

        ModelFiles.WriteConfig(_folder.Path, ModelConfigFile.Load(folder).Source);

        Assert.Equal(File.ReadAllText(Path.Combine(folder, "config.json")), File.ReadAllText(_folder["config.json"]));
        JsonKinds.AssertSame(
            JsonNode.Parse(
                """{"rope_theta": 1.0, "rms_norm_eps": 1e-05, "initializer_range": 0.1, "vocab_size": 1}""")!,
            JsonNode.Parse(File.ReadAllText(_folder["config.json"]))!);
    }

    private static JsonObject Golden() => ModelConfigFile.Load(TestAssets.Golden("models", "gqa")).Source;

    private static JsonObject WithoutHeadSize()
    {
        var config = Golden();
        config.Remove("head_dim");
        config.Remove("num_key_value_heads");
        return config;
    }

    private void Write(JsonObject config, string key, string? value)
    {
        config.Remove(key);
        if (value is not null)
            config[key] = "\u0001";
        File.WriteAllText(_folder["config.json"], PythonJson.Indented(config).Replace("\"\\u0001\"", value));
    }
}
