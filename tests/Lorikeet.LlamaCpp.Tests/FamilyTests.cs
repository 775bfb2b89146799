using System.Text.Json.Nodes;
using Lorikeet.Formats;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Conversion;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;
using static TorchSharp.torch;

namespace Lorikeet.LlamaCpp.Tests;

/// <summary>Families whose layer is not Llama's, exported, in llama.cpp; sequences are longer than windows.</summary>
public sealed class FamilyTests : IDisposable
{
    private const int NewTokens = 24;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Families =>
        ["gemma2", "gemma3", "phi3", "phi4_partial", "smollm3", "olmo2", "granite", "qwen3", "qwen3_moe"];

    [Theory]
    [MemberData(nameof(Families))]
    public void LogitsOfAFamily_AreThoseComputedHere(string name)
    {
        using var model = Load(Export(name, GgufOutType.F32));
        using var quiet = no_grad();
        var ids = Ids(28, seed: 11);
        using var logits = model.Forward(ids, [0, ids.Length]).contiguous();
        using var llama = LlamaCpp.Open(_folder["model.gguf"]);
        var here = TensorMemory.Span<float>(logits).ToArray();
        Compatibility.RecordNear(
            "llama.cpp", $"family `{name}` as f32: logits", LlamaCpp.Version, $"{Quantities.Count(here.Length)} logits",
            here.Zip(llama.Logits(ids), (a, b) => Math.Abs(a - b)).Max());
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void GreedyAnswersOfAFamily_AreThoseComputedHere(string name)
    {
        var different = DifferentAnswers(name, GgufOutType.F32, out var count);
        Compatibility.RecordEqual(
            "llama.cpp", $"family `{name}` as f32: greedy answers of up to {NewTokens} tokens", LlamaCpp.Version,
            $"{count} answers", different);

        // There the activations are rounded to half precision too, and logits of random weights lie close together.
        Assert.InRange(DifferentAnswers(name, GgufOutType.F16, out _), 0, 1);
    }

    private int DifferentAnswers(string name, GgufOutType type, out int count)
    {
        using var model = Load(Export(name, type));
        int[][] prompts = [.. Enumerable.Range(0, 4).Select(i => Ids(8 + 5 * i, seed: 3 + i))];
        using var llama = LlamaCpp.Open(_folder["model.gguf"]);
        var there = llama.Continue(prompts, NewTokens);
        count = prompts.Length;
        return prompts.Zip(there)
            .Count(pair => !Continue(model, pair.First, pair.Second.Length).SequenceEqual(pair.Second));
    }

    private static int[] Continue(DecoderModel model, int[] prompt, int count)
    {
        List<int> ids = [.. prompt];
        for (var i = 0; i < count; i++)
        {
            using var logits = model.Forward(ids, [0, ids.Count]);
            using var best = logits[^1].argmax();
            ids.Add((int)best.item<long>());
        }

        return [.. ids.Skip(prompt.Length)];
    }

    private static int[] Ids(int count, int seed) => [.. Enumerable.Range(0, count).Select(i => (i * 37 + seed) % 320)];

    /// <summary>llama.cpp caps the attention scores of Gemma 2, as its authors do.</summary>
    private static DecoderModel Load(string path) =>
        ModelLoader.Load(path, new LoadSettings(ScalarType.Float32, CPU, QuantizationSettings.None, CapsScores: true));

    private string Export(string name, GgufOutType type)
    {
        var path = _folder["model.gguf"];
        new ModelExport(ExportSource.Resolve(new ExportOptions { Model = Folder(name) }), type).Write(path);
        return path;
    }

    /// <summary>The golden; of Gemma 3 with what llama.cpp knows of its scale and of its windows.</summary>
    private string Folder(string name)
    {
        var golden = TestAssets.Golden("families", "models", name);
        if (name != "gemma3")
            return golden;
        var folder = Directory.CreateDirectory(_folder["copy"]).FullName;
        foreach (var file in Directory.GetFiles(golden))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)), overwrite: true);
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!.AsObject();
        config["query_pre_attn_scalar"] = 16;
        config["layer_types"] = new JsonArray(
            [.. Enumerable.Repeat("sliding_attention", 4).Select(type => (JsonNode)type)]);
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());
        return folder;
    }
}
