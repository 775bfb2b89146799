using System.Text.Json.Nodes;
using Lorikeet.Formats.Checkpoints;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Models;

/// <summary>What families have beside their layer: experts, caps, text parts.</summary>
public sealed class FamilyModelTests : IDisposable
{
    private static readonly LoadSettings s_float32 = new(ScalarType.Float32, CPU, QuantizationSettings.None);
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void CapOfAttentionScores_IsAppliedWhereItIsAskedFor()
    {
        using var without = Load("gemma2", s_float32);
        using var with = Load("gemma2", s_float32 with { CapsScores = true });
        Assert.Contains(
            without.LoadWarnings, warning => warning.StartsWith("The scores of attention are not capped at 50"));
        Assert.Empty(with.LoadWarnings);
        Assert.InRange(Distance(without, with), 1e-3, 1); // scores of 50 and more are few
    }

    [Fact]
    public void Experts_AreFrozenAndCarryNoAdapter()
    {
        using var model = Load("qwen3_moe", s_float32);
        using (var adapter = Adapter.Create(model, new LoraOptions(), seed: 1))
        {
            Assert.Equal(16, adapter.Factors.Count());
            Assert.All(adapter.Factors, pair => Assert.Contains(".self_attn.", pair.Projection.Name));
            adapter.Save(_folder["adapter"], null);
        }

        var written = JsonNode.Parse(File.ReadAllText(_folder["adapter/adapter_config.json"]))!["target_modules"]!;
        Assert.Equal(["q_proj", "k_proj", "v_proj", "o_proj"], written.AsArray().Select(name => (string)name!));

        var named = new LoraOptions { TargetModules = TargetModules.Named("q_proj", "gate_proj") };
        var fault = Assert.Throws<ConfigurationException>(() => Adapter.Create(model, named, seed: 1));
        Assert.StartsWith(
            "lora_target_modules names 'gate_proj', which in this model is a part of its experts", fault.Message);
        Assert.StartsWith("finetuning_type is full", Assert.Throws<ConfigurationException>(model.UnfreezeAll).Message);
    }

    [Fact]
    public void Quantization_StoresExpertsAndLeavesTheRouter()
    {
        using var model = Load(
            "qwen3_moe", s_float32 with { Quantization = new QuantizationSettings(QuantizationKind.Nf4) });
        Assert.All(model.LayerProjections, projection => Assert.Equal(
            !projection.Name.EndsWith(".mlp.gate"), projection.Weight is FourBitWeight));
        using var exact = Load("qwen3_moe", s_float32);
        Assert.InRange(Distance(model, exact), 1e-2, 20); // some tokens go through other experts
    }

    [Fact]
    public void FusedProjections_CarryOneAdapter_NamedAsInPeft()
    {
        using var model = Load("phi3", s_float32);
        using var adapter = Adapter.Create(model, new LoraOptions(), seed: 1);
        Assert.Equal(
            ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"], adapter.WrittenOptions.TargetModules.Names);
        var b = adapter.Parameters.Single(one => one.Name == "model.layers.0.self_attn.qkv_proj.lora_B");
        Assert.Equal([128L, 16], b.Value.shape);
    }

    /// <summary>As google/gemma-3-4b-it is stored, and as transformers 5 calls its modules.</summary>
    [Theory]
    [InlineData("language_model.model.")]
    [InlineData("model.language_model.")]
    public void TextPartOfAModelThatSees_IsReadAsAModelByItself(string prefix)
    {
        var golden = TestAssets.Golden("families", "models", "gemma3");
        var folder = Directory.CreateDirectory(_folder["whole"]).FullName;
        using (var source = ModelWeights.Open(golden))
        {
            var tensors = source.Tensors.Keys.ToDictionary(name => prefix + name["model.".Length..], name => name);
            tensors.Add("vision_tower.post_layernorm.weight", "model.norm.weight");
            ShardedWriter.Write(
                folder, tensors.Keys.Select(name => TensorToWrite.FromSource(source.Renamed(tensors), name)), 1 << 30);
        }

        var text = JsonNode.Parse(File.ReadAllText(Path.Combine(golden, "config.json")))!.AsObject();
        text.Remove("architectures");
        text.Remove("eos_token_id");
        var whole = new JsonObject
        {
            ["architectures"] = new JsonArray("Gemma3ForConditionalGeneration"),
            ["model_type"] = "gemma3",
            ["eos_token_id"] = new JsonArray(1, 106),
            ["text_config"] = text,
            ["vision_config"] = new JsonObject { ["model_type"] = "siglip_vision_model" },
        };
        File.WriteAllText(Path.Combine(folder, "config.json"), whole.ToJsonString());

        using var model = ModelLoader.Load(folder, s_float32);
        using var expected = Load("gemma3", s_float32);
        Assert.Equal(0, Distance(model, expected));
        Assert.Equal(
            ["Gemma3ForCausalLM"], model.Config.Source["architectures"]!.AsArray().Select(name => (string)name!));
        Assert.Equal("[1,106]", model.Config.Source["eos_token_id"]!.ToJsonString());
        Assert.Contains(model.LoadWarnings, warning => warning.Contains("its text part alone was read"));
    }

    [Fact]
    public void AdapterOnTheTextPart_IsReadUnderTheNamesOfAModelByItself()
    {
        var golden = TestAssets.Golden("families", "lora", "family_gemma3", "final");
        var folder = Directory.CreateDirectory(_folder["adapter"]).FullName;
        File.Copy(Path.Combine(golden, "adapter_config.json"), Path.Combine(folder, "adapter_config.json"));
        using (var source = SafetensorsFile.Open(Path.Combine(golden, "adapter_model.safetensors")))
        {
            var names = source.Tensors.Keys.ToDictionary(
                name => name.Replace("model.model.layers.", "model.model.language_model.layers."), name => name);
            SafetensorsWriter.Write(
                Path.Combine(folder, "adapter_model.safetensors"),
                [.. names.Keys.Select(name => TensorToWrite.FromSource(source.Renamed(names), name))]);
        }

        using var model = Load("gemma3", s_float32);
        using var other = Load("gemma3", s_float32);
        Adapter.Load(model, folder);
        Adapter.Load(other, golden);
        Assert.Equal(0, Distance(model, other));
    }

    [Theory]
    [InlineData("gemma2")]
    [InlineData("gemma3")]
    [InlineData("phi4_partial")]
    [InlineData("smollm3")]
    [InlineData("ministral")]
    [InlineData("qwen3_moe")]
    public void Decode_ContinuesAsForwardWouldHave(string name)
    {
        using var model = Load(name, s_float32 with { CapsScores = true });
        var ids = Ids(40);
        using var cache = model.CreateCache(2, 40);
        using var first = model.Prefill([ids[..9], ids[..25]], cache);
        for (var i = 0; i < 15; i++)
        {
            using var step = model.Decode([ids[9 + i], ids[25 + i]], cache);
            using var alone = model.Forward(ids[..(10 + i)], [0, 10 + i]);
            TensorAssert.Close(alone[^1], step[0], 1e-4, $"row 0, token {i}");
        }
    }

    private static int[] Ids(int count) => [.. Enumerable.Range(0, count).Select(i => (i * 37 + 11) % 320)];

    private static float Distance(DecoderModel one, DecoderModel other)
    {
        using var scope = NewDisposeScope();
        var ids = Ids(40);
        return (one.Forward(ids, [0, 40]) - other.Forward(ids, [0, 40])).abs().max().item<float>();
    }

    private static DecoderModel Load(string name, LoadSettings settings) =>
        ModelLoader.Load(TestAssets.Golden("families", "models", name), settings);
}
