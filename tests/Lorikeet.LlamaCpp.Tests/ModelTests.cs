using System.Text.Json.Nodes;
using Lorikeet.Data.Prompts;
using Lorikeet.Formats;
using Lorikeet.Formats.Options;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Conversion;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using Lorikeet.Text.Tokenization;
using static TorchSharp.torch;

namespace Lorikeet.LlamaCpp.Tests;

/// <summary>Exported models in llama.cpp: its logits and answers are those computed here.</summary>
public sealed class ModelTests : IDisposable
{
    private const int NewTokens = 40;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(GgufOutType.F32, 0)]
    [InlineData(GgufOutType.F16, 5)]
    [InlineData(GgufOutType.BF16, 5)]
    [InlineData(GgufOutType.Q8_0, 5)]
    [InlineData(GgufOutType.Q4_K_M, 5)]
    public void GreedyAnswersOfTheEmbeddedModel_AreThoseComputedHere(GgufOutType type, int mayDiffer)
    {
        var path = Export(TokenizerFolders.Nano, null, type);
        var tokenizer = Tokenizer.Load(TokenizerFolders.Nano);
        int[][] prompts = [.. Beginnings(20).Select(text => new TextEncoder(tokenizer).EncodePrompt(text))];
        using var model = ModelLoader.Load(path, Float32);
        var options = new GenerationOptions { MaxNewTokens = NewTokens, EndTokens = [tokenizer.EndToken!.Value] };
        var here = new TextGenerator(model, tokenizer).Generate(prompts, options).Continuations;
        using var llama = LlamaCpp.Open(path);
        var there = llama.Continue(prompts, NewTokens);
        Assert.Contains(there, answer => answer[^1] == tokenizer.EndToken); // some ended by themselves
        var different = here.Zip(there).Count(pair => !pair.First.OutputIds.SequenceEqual(pair.Second));

        // There the activations are rounded to the type of the weights too, to 8 bits with quantized ones: over 40
        // tokens of text some choice is another one.
        Assert.InRange(different, 0, mayDiffer);
        if (mayDiffer > 0)
            return;
        Compatibility.RecordEqual(
            "llama.cpp", $"nano-base as {WireNames.Of(type)}: greedy answers of up to {NewTokens} tokens",
            LlamaCpp.Version,
            $"{prompts.Length} answers", different);
    }

    [Theory]
    [InlineData("gqa")]
    [InlineData("headdim")]
    [InlineData("llama3")]
    [InlineData("mqa_tied_bias")]
    [InlineData("qwen2")]
    [InlineData("qwen3")]
    [InlineData("rope_linear")]
    [InlineData("yarn")]
    public void LogitsOfAModel_AreThoseComputedHere(string name) =>
        Record(
            $"`{name}` as f32: logits", Export(TestAssets.Golden("models", name), null, GgufOutType.F32), null, null);

    [Theory]
    [InlineData("attention_factor", 1.7)]
    [InlineData("mscale", 0.7)]
    public void YarnsAttentionFactor_IsReadByLlamaCpp(string key, double value)
    {
        var folder = CopyOf("yarn", config =>
        {
            var scaling = (config["rope_scaling"] ?? config["rope_parameters"])!.AsObject();
            scaling[key] = value;
            if (key == "mscale")
                scaling["mscale_all_dim"] = 0.4;
        });
        Record($"`yarn` with {key}, as f32: logits", Export(folder, null, GgufOutType.F32), null, null);
    }

    [Theory]
    [InlineData("all")]
    [InlineData("rslora")]
    [InlineData("patterns")]
    [InlineData("seed_qv")]
    public void LogitsWithAnAdapterFile_AreThoseComputedHere(string name)
    {
        var (model, adapter) = (TestAssets.Golden("models", "gqa"), TestAssets.Golden("lora", name, "final"));
        var file = _folder["adapter.gguf"];
        using (var export = new AdapterExport(Source(model, adapter), GgufOutType.F32))
            export.Write(file);
        Record(
            $"`gqa` as f32 with the adapter `{name}` alone: logits", Export(model, null, GgufOutType.F32), file,
            adapter);
    }

    [Fact]
    public void LogitsOfAMergedModel_AreThoseComputedHere()
    {
        var adapter = TestAssets.Golden("lora", "all", "final");
        Record(
            "`gqa` merged with `all`, as f32: logits",
            Export(TestAssets.Golden("models", "gqa"), adapter, GgufOutType.F32), null, null);
    }

    private static LoadSettings Float32 => new(ScalarType.Float32, CPU, QuantizationSettings.None);

    private void Record(string what, string path, string? adapterFile, string? adapter)
    {
        int[] ids = [.. Enumerable.Range(0, 28).Select(i => (i * 37 + 11) % 320)];
        using var model = ModelLoader.Load(path, Float32);
        if (adapter is not null)
            Adapter.Load(model, adapter);
        using var quiet = no_grad();
        using var logits = model.Forward(ids, [0, ids.Length]).contiguous();
        using var llama = LlamaCpp.Open(path);
        if (adapterFile is not null)
            llama.Add(adapterFile);
        var there = llama.Logits(ids);
        var here = TensorMemory.Span<float>(logits).ToArray();
        Compatibility.RecordNear(
            "llama.cpp", what, LlamaCpp.Version, $"{Quantities.Count(here.Length)} logits",
            here.Zip(there, (a, b) => Math.Abs(a - b)).Max());
    }

    /// <summary>How documents about held-out entities begin.</summary>
    private static IEnumerable<string> Beginnings(int count) =>
        File.ReadLines(Path.Combine(TestAssets.Root, "assets", "facts-qa", "eval.jsonl"))
            .Where((_, row) => row % 37 == 0).Take(count)
            .Select(line => ((string)JsonNode.Parse(line)!["text"]!).Split("###")[1]["Human:".Length..]);

    private string CopyOf(string model, Action<JsonObject> change)
    {
        var folder = Directory.CreateDirectory(_folder["copy"]).FullName;
        foreach (var file in Directory.GetFiles(TestAssets.Golden("models", model)))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!.AsObject();
        change(config);
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());
        return folder;
    }

    private string Export(string model, string? adapter, GgufOutType type)
    {
        var path = _folder["model.gguf"];
        new ModelExport(Source(model, adapter), type).Write(path);
        return path;
    }

    private static ExportSource Source(string model, string? adapter) =>
        ExportSource.Resolve(new ExportOptions { Model = model, Adapter = adapter });
}
