using System.Text.Json.Nodes;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;

namespace Lorikeet.Tests.Models;

/// <summary>What the config.json of a family means, in the spellings of transformers 4 and 5.</summary>
public class FamilyConfigTests
{
    [Fact]
    public void Gemma3OfTransformers4_HasTwoThetasAndAWindowInFiveOfSixLayers()
    {
        // As google/gemma-3-1b-it has it, without what other families have too.
        var config = Read(
            """
            {"model_type": "gemma3_text", "hidden_size": 1152, "intermediate_size": 6912, "num_hidden_layers": 26,
             "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 256, "query_pre_attn_scalar": 256,
             "rms_norm_eps": 1e-06, "rope_theta": 1000000, "rope_local_base_freq": 10000, "rope_scaling": null,
             "sliding_window": 512, "sliding_window_pattern": 6, "vocab_size": 262144, "attn_logit_softcapping": null,
             "final_logit_softcapping": null, "hidden_activation": "gelu_pytorch_tanh"}
            """);
        Assert.True(config.TiedEmbeddings);
        Assert.Equal(131072, config.MaxPositions);
        Assert.Equal([5, 11, 17, 23], Layers(config).Where(i => config.Layer(i).Window is null));
        Assert.Equal(512, config.Layer(0).Window);
        Assert.Equal((1e4, 1e6), (config.Layer(0).Rope!.Theta, config.Layer(5).Rope!.Theta));
        Assert.Equal(
            (NormPlacement.BeforeAndAfter, GateActivation.GeluTanh), (config.NormPlacement, config.Activation));
        Assert.Equal((1 / 16.0, Math.Sqrt(1152)), (config.AttentionScale, config.EmbeddingScale));
    }

    [Theory]
    [InlineData("""{"rope_theta": 1000000, "rope_scaling": {"rope_type": "linear", "factor": 8}}""")]
    [InlineData(
        """
        {"rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 8, "rope_theta": 1000000},
         "sliding_attention": {"rope_type": "default", "rope_theta": 10000}}}
        """)]
    public void Gemma3_StretchesTheAnglesOfLayersWithoutAWindowAlone(string rope)
    {
        var config = Read("""{"model_type": "gemma3_text", "num_hidden_layers": 12}""", rope);
        Assert.Equal((RopeScaling.Linear, 8), (config.Layer(5).Rope!.Scaling, config.Layer(5).Rope!.Factor));
        Assert.Equal((RopeScaling.None, 1e4), (config.Layer(4).Rope!.Scaling, config.Layer(4).Rope!.Theta));
    }

    [Fact]
    public void Gemma2_CapsAndHasAWindowInEveryOtherLayer()
    {
        var config = Read("""{"model_type": "gemma2", "num_hidden_layers": 4}""");
        Assert.Equal([4096, null, 4096, null], Layers(config).Select(i => config.Layer(i).Window));
        Assert.Equal((50, 30), (config.AttentionSoftCap, config.LogitSoftCap));
    }

    [Theory]
    [InlineData("{}", new[] { 3, 7 })]
    [InlineData("""{"no_rope_layers": [1, 0, 1, 1, 1, 1, 1, 0]}""", new[] { 1, 7 })]
    [InlineData("""{"no_rope_layer_interval": 2}""", new[] { 1, 3, 5, 7 })]
    public void SmolLm3_DoesNotRotateSomeLayers(string more, int[] layers)
    {
        var config = Read("""{"model_type": "smollm3", "num_hidden_layers": 8}""", more);
        Assert.Equal(layers, Layers(config).Where(i => config.Layer(i).Rope is null));
    }

    [Fact]
    public void Phi4Mini_HasFactorsForShortTextsAndForLongOnes()
    {
        var config = Read(
            """
            {"model_type": "phi3", "num_attention_heads": 4, "head_dim": 16, "partial_rotary_factor": 0.75,
             "max_position_embeddings": 512, "original_max_position_embeddings": 64,
             "rope_scaling": {"type": "longrope", "short_factor": [1, 1, 1, 1, 1, 1], "long_factor": [1, 2, 4, 8, 16, 32]}}
            """);
        Assert.True(config.FusedProjections);
        Assert.Equal((16, 12), (config.HeadSize, config.RotarySize));
        var (few, many) = (config.Rope.Frequencies(12, 64), config.Rope.Frequencies(12, 65));
        Assert.Equal(few.Select((frequency, i) => frequency / (1 << i)), many);
        Assert.Equal(Math.Sqrt(1 + Math.Log(8) / Math.Log(64)), config.Rope.CosineFactor, 12);
    }

    [Fact]
    public void Qwen3Moe_HasExpertsWhereItsKeysSay()
    {
        var config = Read(
            """{"model_type": "qwen3_moe", "num_hidden_layers": 6, "num_experts": 4, "num_experts_per_tok": 2}""",
            """{"decoder_sparse_step": 2, "mlp_only_layers": [3]}""");
        Assert.Equal([1, 5], Layers(config).Where(i => config.Layer(i).HasExperts));
        Assert.Equal(new ExpertSettings(4, 2, 768, NormalisesWeights: false), config.Experts);
    }

    [Theory]
    [InlineData(
        "gemma3_text", """{"use_bidirectional_attention": true}""",
        "'use_bidirectional_attention' is true. Expected false")]
    [InlineData(
        "gemma2", """{"layer_types": ["full_attention"]}""",
        "'layer_types' is [\"full_attention\"]. Expected one for each of the 2")]
    [InlineData(
        "ministral", """{"layer_types": ["a", "b"]}""",
        "'layer_types[0]' is \"a\". Expected full_attention or sliding_attention")]
    [InlineData("llama", """{"partial_rotary_factor": 0.5}""", "'partial_rotary_factor' is 0.5. Expected 1")]
    [InlineData("phi3", """{"partial_rotary_factor": 0.1}""", "'partial_rotary_factor' is 0.1. Expected a share")]
    [InlineData(
        "smollm3", """{"no_rope_layers": [1, 2]}""", "'no_rope_layers[1]' is 2. Expected a whole number from 0 to 1")]
    [InlineData("granite", """{"logits_scaling": 0}""", "'logits_scaling' is 0. Expected a number from")]
    [InlineData("qwen3_moe", """{"output_router_logits": true}""", "'output_router_logits' is true. Expected false")]
    [InlineData(
        "qwen3_moe", """{"num_experts": 4, "num_experts_per_tok": 8}""",
        "'num_experts_per_tok' is 8. Expected a whole number from 1 to 4")]
    public void WhatWouldBeComputedOtherwise_IsRefused(string type, string more, string message)
    {
        var fault = Assert.Throws<CheckpointException>(() => Read($$"""{"model_type": "{{type}}"}""", more));
        Assert.StartsWith(message, fault.Message);
    }

    [Fact]
    public void EveryShape_IsReadAsItsFamily()
    {
        foreach (var name in ModelShapes.Names)
            Assert.Equal(4096, ModelShapes.Find(name).MaxPositions);
        Assert.Equal(QueryKeyNorm.PerHead, ModelShapes.Find("qwen3-8b").QueryKeyNorm);
        Assert.Equal(96, ModelShapes.Find("phi-4-mini").RotarySize);
        Assert.Equal(0.0078125, ModelShapes.Find("granite-3.3-8b").AttentionScale);
    }

    private static IEnumerable<int> Layers(ModelConfig config) => Enumerable.Range(0, config.LayerCount);

    private static ModelConfig Read(string text, string more = "{}")
    {
        var config = new JsonObject
        {
            ["vocab_size"] = 320,
            ["hidden_size"] = 64,
            ["intermediate_size"] = 96,
            ["num_hidden_layers"] = 2,
            ["num_attention_heads"] = 4,
            ["head_dim"] = 16,
        };
        foreach (var (key, value) in JsonNode.Parse(text)!.AsObject().Concat(JsonNode.Parse(more)!.AsObject()))
            config[key] = value?.DeepClone();
        return ModelConfigReader.Read(config, "config.json");
    }
}
