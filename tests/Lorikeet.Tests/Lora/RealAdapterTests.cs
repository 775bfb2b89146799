using System.Text.Json.Nodes;
using Lorikeet.Data;
using Lorikeet.Formats.Pickle;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Optimization;
using Lorikeet.Models.Quantization;
using Lorikeet.Runs;
using Lorikeet.Testing;
using Lorikeet.Training;
using Lorikeet.Training.Loop;
using Lorikeet.Training.Loop.HuggingFaceTrainer;
using static TorchSharp.torch;

namespace Lorikeet.Tests.Lora;

/// <summary>Adapters that other people trained, and files as older versions of PEFT wrote them.</summary>
public sealed class RealAdapterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // The bases are not at hand; projections of their shapes are all that an adapter on q_proj and v_proj meets.
    [Fact]
    public void PublishedAdapter_FitsItsBase()
    {
        var folder = TestAssets.Asset("adapters", "llama-3.2-1b-r8");
        using var model = Like(layers: 16, keyValueHeads: 8);
        var settings = Adapter.Load(model, folder).Options;
        Assert.Equal(2 * 2 * 16, model.Trainable.Count);
        Assert.Equal(0.05, settings.Dropout);
        using var file = SafetensorsFile.Open(Path.Combine(folder, AdapterFolder.WeightsFile));
        foreach (var parameter in model.Trainable)
        {
            using var stored = TensorAssert.Read(file, AdapterNames.InFile(parameter.Name));
            TensorAssert.Close(stored, parameter.Value, 0, parameter.Name);
        }
    }

    [Fact]
    public void PublishedCheckpointOfTheTrainer_GivesItsPosition()
    {
        var folder = TestAssets.Asset("adapters", "tinyllama-1.1b-r4-checkpoint-200");
        using var model = Like(layers: 22, keyValueHeads: 4);
        var adapter = Adapter.Load(model, folder).Options;
        Assert.Equal((4, 2 * 2 * 22), (adapter.Rank, model.Trainable.Count));
        var options = new TrainingOptions
        {
            Optimization = new()
            {
                LearningRate = 1e-4,
                WarmupSteps = 20,
                MaxSteps = 200,
                BatchSize = 1,
                GradientAccumulation = 4,
            },
        };
        var task = new TrainingTask(
            model, [.. Enumerable.Repeat(new TrainingRow([1, 2], [1, 2]), 26)], [], options,
            new RunFolder(_folder.Path).Checkpoints, adapter, null);
        using var optimizer = Optimizer.Create(model.Trainable, options.Optimization);
        Assert.Equal(folder, HuggingFaceCheckpoint.Locate(folder));
        var checkpoint = HuggingFaceCheckpoint.Open(folder);
        var position = checkpoint.Restore(
            task, model.Trainable, optimizer, new LearningRateSchedule(options.Optimization, 200).At);
        Assert.Equal(200, position.Step);
        Assert.Contains(checkpoint.Notes, note => note.StartsWith("optimizer.pt is missing", StringComparison.Ordinal));
        Assert.Contains(
            checkpoint.Notes, note => note.StartsWith("rng_state.pth was not read", StringComparison.Ordinal));

        var other = Assert.Throws<ConfigurationException>(() => checkpoint.Restore(
            task, model.Trainable, optimizer,
            new LearningRateSchedule(options.Optimization with { MaxSteps = 400 }, 400).At));
        Assert.Contains("for 200 steps", other.Message);
    }

    [Fact]
    public void FileOfPeft04_IsReadThroughItsPickle()
    {
        var golden = TestAssets.Golden("lora", "seed_qv", "final");
        using (var weights = SafetensorsFile.Open(Path.Combine(golden, "adapter_model.safetensors")))
        using (var old = File.Create(_folder["adapter_model.bin"]))
        {
            var state = new PickleDictionary();
            foreach (var name in weights.Tensors.Keys)
                state.Entries[name] = TensorToWrite.FromSource(weights, name);
            TorchWriter.Write(old, state);
        }

        var today = JsonNode.Parse(File.ReadAllText(Path.Combine(golden, "adapter_config.json")))!;
        File.WriteAllText(_folder["adapter_config.json"], $$"""
            {"auto_mapping": null, "base_model_name_or_path": "x", "bias": "none", "fan_in_fan_out": false, "inference_mode": true,
             "init_lora_weights": true, "layers_pattern": null, "layers_to_transform": null, "lora_alpha": {{today["lora_alpha"]}},
             "lora_dropout": 0.1, "modules_to_save": null, "peft_type": "LORA", "r": {{today["r"]}}, "revision": null,
             "target_modules": ["q_proj", "v_proj"], "task_type": "CAUSAL_LM"}
            """);

        using var scope = NewDisposeScope();
        using var now = Golden(golden);
        using var then = Golden(_folder.Path);
        TensorAssert.Close(now.Forward([1, 5, 9], [0, 3]), then.Forward([1, 5, 9], [0, 3]), 1e-5, "logits");
    }

    [Theory]
    [InlineData("\"some_new_key\": {\"a\": 1}", "some_new_key")]
    [InlineData("\"fan_in_fan_out\": true", "fan_in_fan_out")]
    public void KeyThatIsUnknown_IsNamedAndLeftOutOfAccount(string entry, string expected)
    {
        Write(entry);
        Assert.Contains(expected, Assert.Single(AdapterConfig.Read(_folder.Path).Warnings));
    }

    [Theory]
    [InlineData("\"layer_replication\": [[0, 4], [2, 5]]", "layers once each")]
    [InlineData("\"trainable_token_indices\": [1, 2]", "trainable_token_indices")]
    [InlineData("\"init_lora_weights\": \"loftq\"", "path_initial_model_for_weight_conversion")]
    [InlineData("\"init_lora_weights\": \"corda\"", "corda")]
    [InlineData("\"use_qalora\": true", "use_qalora")]
    [InlineData("\"init_lora_weights\": \"pissa\", \"use_dora\": true", "together with pissa")]
    public void KeyThatChangesTheResult_IsRefusedWithAReason(string entry, string expected)
    {
        Write(entry);
        Assert.Contains(expected, Assert.Throws<CheckpointException>(() => AdapterConfig.Read(_folder.Path)).Message);
    }

    [Theory]
    [InlineData("\"init_lora_weights\": \"eva\", \"eva_config\": {\"rho\": 2.0}")]
    [InlineData("\"init_lora_weights\": \"gaussian\", \"peft_version\": \"0.21.0\"")]
    [InlineData(
        "\"loftq_config\": {}, \"megatron_core\": \"megatron.core\", \"qalora_group_size\": 16, \"use_bdlora\": null")]
    public void KeyThatSaysNothingAboutTheResult_IsSilent(string entry)
    {
        Write(entry);
        Assert.Empty(AdapterConfig.Read(_folder.Path).Warnings);
    }

    private void Write(string entry) => File.WriteAllText(
        _folder["adapter_config.json"],
        $"{{\"peft_type\": \"LORA\", \"r\": 4, \"target_modules\": [\"q_proj\"], {entry}}}");

    private static DecoderModel Golden(string adapter)
    {
        var model = ModelLoader.Load(
            TestAssets.Golden("models", "gqa_bf16"),
            new LoadSettings(ScalarType.Float32, CPU, QuantizationSettings.None));
        Adapter.Load(model, adapter);
        return model;
    }

    private DecoderModel Like(int layers, int keyValueHeads)
    {
        File.WriteAllText(_folder["config.json"], new JsonObject
        {
            ["model_type"] = "llama",
            ["hidden_size"] = 2048,
            ["intermediate_size"] = 8,
            ["num_hidden_layers"] = layers,
            ["num_attention_heads"] = 32,
            ["num_key_value_heads"] = keyValueHeads,
            ["vocab_size"] = 16,
            ["rms_norm_eps"] = 1e-5,
            ["max_position_embeddings"] = 64,
            ["tie_word_embeddings"] = true,
        }.ToJsonString());
        return ModelFactory.Create(
            ModelConfigFile.Load(_folder.Path), new LoadSettings(ScalarType.BFloat16, CPU, QuantizationSettings.None),
            seed: 1);
    }
}
