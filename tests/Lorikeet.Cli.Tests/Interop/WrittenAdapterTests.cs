using System.Text.Json.Nodes;
using Lorikeet.Cli.Tests.Training;
using Lorikeet.Formats;
using Lorikeet.Formats.Checkpoints;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using Lorikeet.Models.Verification;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Interop;

/// <summary>
/// What Lorikeet writes, against what PEFT and transformers made of it. <c>goldens/interop/NAME</c> holds an adapter
/// that these tests wrote and <c>expected.safetensors</c>, the logits it has in PEFT (see check.py there). The tests
/// train it once more: what PEFT was found to load is what is written now.
/// </summary>
public sealed class WrittenAdapterTests : IDisposable
{
    private const string AllLinear = "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj";

    private static readonly Dictionary<string, (string Base, string[] Options)> s_cases = new()
    {
        ["plain"] = ("llama2", ["--target_modules", "q_proj,v_proj"]),
        ["all_linear"] = ("gqa", ["--target_modules", "all-linear"]),
        ["qwen3"] = ("qwen3", ["--target_modules", AllLinear]),
        ["sliding_window"] = ("mistral_swa", ["--target_modules", AllLinear]),
        ["rslora"] = ("llama3", ["--target_modules", AllLinear, "--use_rslora"]),
        ["dora"] = ("qwen2", ["--target_modules", AllLinear, "--use_dora"]),
        ["dora_rslora"] = ("headdim", ["--target_modules", AllLinear, "--use_dora", "--use_rslora"]),
        ["gaussian"] = ("llama3", ["--target_modules", AllLinear, "--init_lora_weights", "gaussian"]),
        ["orthogonal"] = ("gqa", ["--target_modules", AllLinear, "--init_lora_weights", "orthogonal"]),
        ["pissa"] = ("headdim", ["--target_modules", AllLinear, "--init_lora_weights", "pissa"]),
        ["pissa_converted"] = (
            "headdim", ["--target_modules", AllLinear, "--init_lora_weights", "pissa", "--pissa_convert"]),
        ["olora"] = ("qwen2", ["--target_modules", AllLinear, "--init_lora_weights", "olora"]),
        ["olora_converted"] = (
            "qwen2", ["--target_modules", AllLinear, "--init_lora_weights", "olora", "--pissa_convert"]),
        ["modules_to_save"] = (
            "headdim", ["--target_modules", "q_proj,v_proj", "--modules_to_save", "embed_tokens,lm_head"]),
        ["norms_saved"] = ("llama2", ["--target_modules", "q_proj", "--modules_to_save", "input_layernorm,down_proj"]),
        ["embedding"] = ("headdim", ["--target_modules", "embed_tokens,q_proj"]),
        ["embedding_tied"] = ("mqa_tied_bias", ["--target_modules", "embed_tokens,q_proj"]),
        ["embedding_dora"] = ("llama2", ["--target_modules", "embed_tokens,v_proj", "--use_dora"]),
        ["head"] = ("gqa", ["--target_modules", "lm_head,q_proj"]),
        ["lora_bias"] = ("qwen2", ["--target_modules", "q_proj,v_proj", "--lora_bias"]),
        ["bias_all"] = ("mqa_tied_bias", ["--target_modules", "q_proj,v_proj", "--bias", "all"]),
        ["bias_lora_only"] = ("mqa_tied_bias", ["--target_modules", "q_proj,v_proj", "--bias", "lora_only"]),
        ["patterns"] = ("gqa", [
            "--target_modules", AllLinear, "--rank_pattern", "q_proj=2,layers.1.mlp.up_proj=8",
            "--alpha_pattern", "q_proj=3,down_proj=5"]),
        ["layers"] = ("llama2", [
            "--target_modules", "q_proj,v_proj", "--layers_to_transform", "0,2", "--layers_pattern", "layers"]),
        ["excluded"] = ("llama2", ["--target_modules", "all-linear", "--exclude_modules", @".*layers\.1\..*"]),
        ["regex"] = ("llama2", ["--target_modules", @".*\.[02]\.(self_attn\.o_proj|mlp\.up_proj)"]),
    };

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Cases => [.. s_cases.Keys];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Cases))]
    public void Adapter_IsTheOneThatPeftLoaded(string name)
    {
        Train(name);
        var kept = Golden(name, "adapter");
        if (Environment.GetEnvironmentVariable("LORIKEET_UPDATE_GOLDENS") == "1")
            Keep(_folder["run/adapter"], kept);
        Assert.True(JsonNode.DeepEquals(Config(kept), Config(_folder["run/adapter"])));
        using var expected = SafetensorsFile.Open(Path.Combine(kept, "adapter_model.safetensors"));
        using var actual = SafetensorsFile.Open(_folder["run/adapter/adapter_model.safetensors"]);
        Assert.Equal(Headers(expected), Headers(actual));
        Assert.Equal(Metadata(expected), Metadata(actual));
        Assert.Contains(Checksum.Name, actual.Metadata);
        actual.RequireChecksum();
        Compare(
            "Written adapters", $"`{name}`", "peft 0.21.0", Model(s_cases[name].Base), kept,
            TestAssets.Produced("interop", name, "expected.safetensors"),
            name == "pissa" ? 1e-3 : 1e-4); // PEFT decomposed the base again, on another processor
    }

    [Theory]
    [InlineData("plain", "float32")]
    [InlineData("embedding_tied", "float32")]
    [InlineData("dora", "float32")]
    [InlineData("bias_all", "float32")]
    [InlineData("pissa", "bfloat16")]
    [InlineData("norms_saved", "bfloat16")]
    [InlineData("sliding_window", "bfloat16")]
    [InlineData("qwen3", "float16")]
    public void MergedModel_HasTheOutputsThatItHasInTransformers(string name, string type)
    {
        Cli.Succeed(
        [
            "merge", "--model", Model(s_cases[name].Base), "--adapter", Golden(name, "adapter"), "--output",
            _folder["merged"],
            "--dtype", type, "--device", "cpu", "--json",
        ]);
        Compare(
            "Written models", $"`{name}` merged, in {type}", "transformers 5.17.0", _folder["merged"], null,
            TestAssets.Produced("interop_merged", name, "expected.safetensors"));
    }

    private static void Compare(
        string part, string what, string against, string model, string? adapter, string file, double tolerance = 1e-4)
    {
        using var expected = ModelWeights.OpenFile(file);
        using var loaded = LanguageModel.Load(model, new()
        {
            Adapters = adapter is null ? [] : [new("default", adapter)],
            Device = "cpu",
            ComputeType = ComputeType.Float32,
        });
        var result = new ModelVerifier(loaded.Decoder, loaded.Folder) { Tolerance = tolerance }.Compare(expected);
        Assert.Empty(result.NotCompared);
        Assert.All(result.Tensors, tensor => Assert.True(tensor.Passed, $"{what}, {tensor.Name}: {tensor.Difference}"));
        var logits = result.Tensors.Single(tensor => tensor.Name == "logits");
        Compatibility.RecordNear(
            part, $"{what}: logits, loss, continuations", against,
            $"{result.Tensors.Sum(tensor => tensor.Compared):N0} values",
            logits.Difference);
    }

    private void Train(string name)
    {
        var batches = TestAssets.Golden("lora", "seed_qv", "batches.safetensors");
        TokenRows.Write(
            _folder["rows.jsonl"],
            TokenRows.Read(batches, "input_ids").Zip(TokenRows.Read(batches, "labels")).Take(16));
        var (model, options) = s_cases[name];
        Cli.Succeed(
        [
            "train", "--model", Model(model), "--dataset", _folder["rows.jsonl"],
            "--output", _folder["run"], "--lora_r", "4", "--lora_alpha", "6", .. options, "--max_steps", "6",
            "--per_device_train_batch_size", "4", "--gradient_accumulation_steps", "1", "--learning_rate", "1e-2",
            "--torch_dtype", "float32", "--device", "cpu", "--progress", "none", "--json",
        ]);
    }

    /// <summary>Replaces the golden; the base is named as check.py finds it.</summary>
    private static void Keep(string written, string kept)
    {
        Directory.CreateDirectory(kept);
        File.Copy(
            Path.Combine(written, "adapter_model.safetensors"), Path.Combine(kept, "adapter_model.safetensors"), true);
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(written, "adapter_config.json")))!;
        config["base_model_name_or_path"] = Path.GetFileName(config["base_model_name_or_path"]!.GetValue<string>());
        File.WriteAllText(Path.Combine(kept, "adapter_config.json"), config.ToJsonString() + "\n");
    }

    private static JsonNode Config(string adapter)
    {
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(adapter, "adapter_config.json")))!;
        config["base_model_name_or_path"] = null;
        return config;
    }

    private static IEnumerable<string> Headers(SafetensorsFile file) =>
        file.Tensors.Select(pair => $"{pair.Key} {pair.Value}").Order(StringComparer.Ordinal);

    /// <summary>What other programs may look at: that PEFT loaded came before files held their checksum.</summary>
    private static IEnumerable<KeyValuePair<string, string>> Metadata(SafetensorsFile file) =>
        file.Metadata.Where(pair => pair.Key != Checksum.Name).OrderBy(pair => pair.Key, StringComparer.Ordinal);

    private static string Model(string name) => TestAssets.Golden("models", name);

    private static string Golden(params string[] parts) => TestAssets.Golden(["interop", .. parts]);
}
