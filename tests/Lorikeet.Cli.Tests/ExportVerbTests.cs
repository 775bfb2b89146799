using System.Text.Json.Nodes;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Native;
using Lorikeet.Testing;
using static TorchSharp.torch;

namespace Lorikeet.Cli.Tests;

/// <summary>Export to GGUF, and GGUF files in a model's place, as a user does it.</summary>
public sealed class ExportVerbTests : IDisposable
{
    private static readonly string s_nano = Path.Combine(TestAssets.Root, "assets", "nano-base");
    private static readonly string s_gqa = TestAssets.Golden("models", "gqa");
    private static readonly string s_adapter = TestAssets.Golden("lora", "all", "final");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void ExportedModel_IsCheckedAndAnswersAsTheModel()
    {
        var exported = Export(
            "gguf", "--model", s_nano, "--output", _folder["nano.gguf"], "--outtype", "f16", "--json");
        var receipt = JsonNode.Parse(exported.Output)!;
        Assert.Equal(("f16", true), ((string?)receipt["outtype"], (bool)receipt["passed"]!));
        Assert.Empty(receipt["notes"]!.AsArray());

        // bfloat16 fits into float16 but for the last places of numbers below 2^-14, which end at 2^-24 there. In
        // logits that comes to nothing, or to one step of bfloat16 where a sum lay half-way between two numbers: 2^-4
        // from 8 to 16.
        AssertCloseWeights(s_nano, _folder["nano.gguf"], Math.ScaleB(1, -25));
        Assert.InRange((double)receipt["max_difference"]!, 0, Math.ScaleB(1, -4));
        Assert.Equal(new FileInfo(_folder["nano.gguf"]).Length, (long)receipt["bytes"]!);

        string[] question =
        [
            "--prompt", "The capital of France is", "--max_new_tokens", "8", "--torch_dtype", "float32",
        ];
        var expected = Cli.Run(["generate", "--model", s_nano, .. question]);
        var actual = Cli.Run(["generate", "--model", _folder["nano.gguf"], .. question]);
        Assert.Equal((0, expected.Output), (actual.ExitCode, actual.Output));
    }

    [Fact]
    public void ReceiptOfAMergedModel_IsReadable()
    {
        var result = Export(
            "gguf", "--model", s_gqa, "--adapter", s_adapter, "--output", _folder["merged.gguf"], "--outtype", "f32");
        Assert.Contains("passed", result.Output);
        Assert.Contains("same first choice           100.00 %", result.Output);
        Assert.Contains("The model has no tokenizer", result.Error);
    }

    [Fact]
    public void AdapterAlone_IsAFileOfItsOwn()
    {
        var result = Export(
            "gguf", "--model", s_gqa, "--adapter", s_adapter, "--adapter_only", "--output", _folder["lora.gguf"],
            "--json");
        Assert.True((bool)JsonNode.Parse(result.Output)!["passed"]!);
        Assert.InRange(new FileInfo(_folder["lora.gguf"]).Length, 100_000, 130_000);
    }

    [Fact]
    public void OllamasFolder_HasBothFiles()
    {
        Export("ollama", "--model", s_nano, "--output", _folder["nano"], "--outtype", "q4_k_m");
        Assert.StartsWith("FROM ./model.gguf", File.ReadAllText(_folder["nano/Modelfile"]));
        Assert.True(File.Exists(_folder["nano/model.gguf"]));
    }

    [Fact]
    public void GgufBase_IsTrainedInFourBits_AndItsAdapterAnswers()
    {
        Export("gguf", "--model", s_nano, "--output", _folder["nano.gguf"], "--outtype", "q8_0");
        File.WriteAllLines(
            _folder["qa.jsonl"],
            Enumerable.Range(0, 12).Select(i => $$"""{"question": "What is {{i}}?", "answer": "It is {{i}}."}"""));
        var trained = Cli.Run(
            "train", "--model", _folder["nano.gguf"], "--dataset", _folder["qa.jsonl"], "--load_in_4bit", "--max_steps",
            "2",
            "--torch_dtype", "float32", "--output", _folder["run"]);
        Assert.True(trained.ExitCode == 0, trained.Error);
        var adapter = _folder["run/adapter"];
        Assert.True(
            File.Exists(Path.Combine(adapter, "tokenizer.json")), "The file's tokenizer goes with the adapter.");

        var answer = Cli.Run(
            "generate", "--adapter", adapter, "--prompt", "What is 3?", "--max_new_tokens", "3", "--torch_dtype",
            "float32");
        Assert.True(answer.ExitCode == 0, answer.Error);
        Assert.NotEmpty(answer.Output);
        Export("gguf", "--adapter", adapter, "--output", _folder["tuned.gguf"], "--outtype", "f32");
    }

    [Theory]
    [InlineData("A file that ends in .gguf", "gguf", "--output", "model.bin")]
    [InlineData("No output is named", "gguf")]
    [InlineData("adapter_only needs an adapter", "gguf", "--output", "x.gguf", "--adapter_only")]
    [InlineData("adapter_only is for gguf", "ollama", "--output", "x", "--adapter_only")]
    [InlineData("'safetensors'", "safetensors", "--output", "x.gguf")]
    [InlineData("--outtype is 'q3'", "gguf", "--output", "x.gguf", "--outtype", "q3")]
    public void WrongArguments_AreNamed(string expected, params string[] arguments)
    {
        var result = Cli.Run(["export", .. arguments.Select(InFolder), "--model", s_gqa]);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains(expected, result.Error);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    private string InFolder(string argument) =>
        argument is "model.bin" or "x" or "x.gguf" ? _folder[argument] : argument;

    [Fact]
    public void FileThatExists_IsNotReplaced_UnlessAsked()
    {
        File.WriteAllText(_folder["mine.gguf"], "mine");
        string[] arguments = ["export", "gguf", "--model", s_gqa, "--output", _folder["mine.gguf"]];
        Assert.Equal(2, Cli.Run(arguments).ExitCode);
        Assert.Equal("mine", File.ReadAllText(_folder["mine.gguf"]));
        Assert.Equal(0, Cli.Run([.. arguments, "--overwrite"]).ExitCode);
    }

    private static void AssertCloseWeights(string expectedModel, string actualModel, double tolerance)
    {
        LibTorch.Load();
        using var scope = NewDisposeScope();
        using var expected = ModelFiles.OpenWeights(expectedModel);
        using var actual = ModelFiles.OpenWeights(actualModel);
        Assert.Equal(expected.Tensors.Keys.Order(), actual.Tensors.Keys.Order());
        Assert.All(expected.Tensors.Keys, name =>
            Assert.InRange((Values(expected, name) - Values(actual, name)).abs().max().item<float>(), 0, tolerance));

        static Tensor Values(ITensorSource source, string name) =>
            TensorFile.Read(source, name).to_type(ScalarType.Float32);
    }

    private static CliResult Export(params string[] arguments)
    {
        var result = Cli.Run(["export", .. arguments]);
        Assert.True(result.ExitCode == 0, result.Error);
        return result;
    }
}
