using System.Text.Json.Nodes;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Conversion;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Lora;

/// <summary>
/// What every variant has to do: begin as it says, survive a file, merge into the same model, come off again.
/// </summary>
public sealed class VariantTests : IDisposable
{
    private static readonly int[] s_ids = [1, 5, 9, 200, 44, 17, 5, 300];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Variants =>
        [
            "plain", "dora", "lora_bias", "pissa", "pissa_niter", "olora", "orthogonal", "embedding", "embedding_dora",
            "head"];

    [Theory]
    [MemberData(nameof(Variants))]
    public void FreshAdapter_LeavesTheModelAsItIs(string variant)
    {
        using var scope = NewDisposeScope();
        using var model = Load(variant);
        var before = model.Forward(s_ids, [0, s_ids.Length]);
        Adapter.Create(model, Settings(variant), seed: 5);
        TensorAssert.Close(before, model.Forward(s_ids, [0, s_ids.Length]), 2e-4, variant);
    }

    [Theory]
    [MemberData(nameof(Variants))]
    public void TrainedAdapter_SurvivesItsFileAndMergesToTheSameModel(string variant)
    {
        using var scope = NewDisposeScope();
        using var model = Load(variant);
        var bare = model.Forward(s_ids, [0, s_ids.Length]);
        var adapter = Train(model, variant);
        var trained = model.Forward(s_ids, [0, s_ids.Length]);
        TensorAssert.Far(bare, trained, 0.01, variant);
        using (model.WithoutAdapter())
            adapter.Save(_folder["adapter"], null);

        using var again = Load(variant);
        Adapter.Load(again, _folder["adapter"]);
        TensorAssert.Close(trained, again.Forward(s_ids, [0, s_ids.Length]), 2e-4, "loaded");
        using (again.WithoutAdapter())
            TensorAssert.Close(bare, again.Forward(s_ids, [0, s_ids.Length]), 1e-5, "switched off");
        TensorAssert.Close(trained, again.Forward(s_ids, [0, s_ids.Length]), 2e-4, "switched on");

        using (var merge = new AdapterMerge(
            model.Folder!, AdapterFolder.Open(_folder["adapter"]),
            new MergeSettings(QuantizationSettings.None, ScalarType.Float32, ScalarType.Float32)))
            merge.Write(_folder["merged"], long.MaxValue);
        using var merged = ModelLoader.Load(
            _folder["merged"], new LoadSettings(ScalarType.Float32, CPU, QuantizationSettings.None));
        TensorAssert.Close(trained, merged.Forward(s_ids, [0, s_ids.Length]), 2e-4, "merged");
    }

    [Theory]
    [InlineData("pissa", false)]
    [InlineData("pissa_niter", true)]
    [InlineData("olora", false)]
    public void AdapterThatTookAPart_IsPlainLoRAOfTwiceTheRank_WhenConverted(string variant, bool rankStabilised)
    {
        using var scope = NewDisposeScope();
        using var model = Load(variant);
        var adapter = Train(model, variant, Settings(variant) with { UseRsLora = rankStabilised });
        var trained = model.Forward(s_ids, [0, s_ids.Length]);
        adapter.Save(_folder["plain"], null, asPlain: true);

        var plain = AdapterConfig.Read(_folder["plain"]).Settings;
        Assert.Equal((2 * adapter.Options.Rank, LoraInitialisation.Default), (plain.Rank, plain.InitLoraWeights));
        using var again = Load(variant);
        Adapter.Load(again, _folder["plain"]);
        TensorAssert.Close(trained, again.Forward(s_ids, [0, s_ids.Length]), 2e-4, variant);
    }

    /// <summary>
    /// Were the weight decomposed again, the adapter would not be nothing beside a part that equals it.
    /// </summary>
    [Theory]
    [InlineData("pissa")]
    [InlineData("olora")]
    public void PartThatWasTaken_IsReadAndNotDecomposedAgain(string variant)
    {
        using var scope = NewDisposeScope();
        using var model = Load(variant);
        var untrained = model.Forward(s_ids, [0, s_ids.Length]);
        Train(model, variant).Save(_folder["adapter"], null);
        File.Copy(
            _folder["adapter/adapter_model.safetensors"], _folder["adapter/initial/adapter_model.safetensors"],
            overwrite: true);

        using var again = Load(variant);
        Adapter.Load(again, _folder["adapter"]);
        TensorAssert.Close(untrained, again.Forward(s_ids, [0, s_ids.Length]), 2e-4, variant);
    }

    [Theory]
    [InlineData("pissa", "pissa", "init_lora_weights")]
    [InlineData("pissa_niter", "pissa_niter_4", "init_lora_weights")]
    [InlineData("olora", "olora", "init_lora_weights")]
    [InlineData("dora", "true", "use_dora")]
    [InlineData("lora_bias", "true", "lora_bias")]
    public void Configuration_NamesTheVariantAsPeftDoes(string variant, string value, string key)
    {
        var json = JsonNode.Parse(AdapterConfig.Write(Settings(variant), null))!.AsObject();
        Assert.Equal(value, json[key]!.ToString());
        var newer = new[] { "use_dora", "lora_bias", "use_rslora", "rank_pattern" }.Where(name => name != key);
        Assert.DoesNotContain(json.Select(pair => pair.Key), name => newer.Contains(name));
    }

    [Fact]
    public void AllLinear_IsWrittenAsTheNamesItMeans()
    {
        using var model = Load("plain");
        Adapter.Create(model, new LoraOptions(), seed: 1).Save(_folder["adapter"], null);
        var json = JsonNode.Parse(File.ReadAllText(_folder["adapter/" + AdapterFolder.ConfigFile]))!;
        var peft = JsonNode.Parse(
            File.ReadAllText(TestAssets.Golden("lora", "all_linear", "final", "adapter_config.json")))!;
        string[] Names(JsonNode config) =>
            [.. config["target_modules"]!.AsArray().Select(name => name!.GetValue<string>()).Order()];
        Assert.Equal(Names(peft), Names(json));
    }

    [Fact]
    public void EmbeddingAdapter_HasTheNamesAndShapesOfPeft()
    {
        using var model = Load("embedding");
        Train(model, "embedding").Save(_folder["adapter"], null);
        using var file = SafetensorsFile.Open(_folder["adapter/adapter_model.safetensors"]);
        Assert.Equal(
            [4L, model.Config.VocabularySize],
            file.Tensors["base_model.model.model.embed_tokens.lora_embedding_A"].Shape);
        Assert.Equal(
            [model.Config.HiddenSize, 4L], file.Tensors["base_model.model.model.embed_tokens.lora_embedding_B"].Shape);
    }

    [Fact]
    public void Quantized_CannotGiveUpAPart()
    {
        using var model = ModelLoader.Load(
            TestAssets.Golden("models", "gqa_bf16"),
            new LoadSettings(
                ScalarType.Float32, CPU, new QuantizationSettings(QuantizationKind.Nf4, DoubleQuantization: true)));
        var fault = Assert.Throws<ConfigurationException>(() => Adapter.Create(model, Settings("pissa"), seed: 1));
        Assert.Contains("full precision", fault.Message);
    }

    [Fact]
    public void LoraBias_OnABaseWithoutBias_IsNotMerged()
    {
        using var model = ModelLoader.Load(
            TestAssets.Golden("models", "gqa_bf16"),
            new LoadSettings(ScalarType.Float32, CPU, QuantizationSettings.None));
        Train(model, "lora_bias").Save(_folder["adapter"], null);
        using var merge = new AdapterMerge(
            model.Folder!, AdapterFolder.Open(_folder["adapter"]),
            new MergeSettings(QuantizationSettings.None, ScalarType.Float32, null));
        Assert.Contains(
            "has no bias",
            Assert.Throws<CheckpointException>(() => merge.Write(_folder["merged"], long.MaxValue)).Message);
    }

    private static Adapter Train(DecoderModel model, string variant, LoraOptions? given = null)
    {
        var adapter = Adapter.Create(model, given ?? Settings(variant), seed: 5);
        using var quiet = no_grad();
        using var generator = new Generator(3, CPU);
        foreach (var parameter in model.Trainable)
        {
            using var noise = empty_like(parameter.Value).normal_(0, 0.02, generator);
            parameter.Value.Increase(noise);
        }

        foreach (var (_, factors) in adapter.Factors)
            factors.Invalidate();
        return adapter;
    }

    // A tied model with biases; adapters on its head or embedding have to come apart from the other in a merge.
    private static DecoderModel Load(string variant) => ModelLoader.Load(
        TestAssets.Golden(
            "models",
            variant is "lora_bias" ? "mqa_tied_bias" : variant.StartsWith("embedding") ? "mqa_tied_bias" : "gqa_bf16"),
        new LoadSettings(ScalarType.Float32, CPU, QuantizationSettings.None));

    private static LoraOptions Settings(string variant)
    {
        var all = new LoraOptions
        {
            Rank = 4,
            Alpha = 6,
            TargetModules = TargetModules.Named("q_proj", "v_proj", "down_proj"),
        };
        return variant switch
        {
            "dora" => all with { UseDora = true },
            "lora_bias" => all with { FactorBias = true, TargetModules = TargetModules.Named("q_proj", "v_proj") },
            "pissa" => all with { InitLoraWeights = LoraInitialisation.Pissa },
            "pissa_niter" => all with { InitLoraWeights = LoraInitialisation.Pissa, PissaIterations = 4 },
            "olora" => all with { InitLoraWeights = LoraInitialisation.Olora },
            "orthogonal" => all with { InitLoraWeights = LoraInitialisation.Orthogonal },
            "embedding" => all with { TargetModules = TargetModules.Named("embed_tokens", "q_proj") },
            "embedding_dora" => all with { TargetModules = TargetModules.Named("embed_tokens"), UseDora = true },
            "head" => all with { TargetModules = TargetModules.Named("lm_head") },
            _ => all,
        };
    }
}
