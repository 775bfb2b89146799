using System.Text.Json.Nodes;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests;

public sealed class BenchVerbTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Load_MeasuresAShape_AndLeavesNothingBehind()
    {
        string[] arguments =
        [
            "bench", "load", "--device", "cpu", "--json", "--shape", "nano-7m", "--quant", "nf4", "--repeat", "2",
        ];
        var run = CliProcess.RunIn(Directory.GetCurrentDirectory(), [("TMPDIR", _folder.Path)], arguments);
        Assert.True(run.ExitCode == 0, run.Error);
        var result = JsonNode.Parse(run.Output)!.AsObject();
        Assert.Equal(("nano-7m", 2), ((string?)result["model"], (int?)result["repeat"]));

        // The layers' matrices as codes with their scales, the embedding in bfloat16.
        var (layers, embedding) = (8 * (256 * (256 + 128 + 128 + 256) + 3 * 256 * 704), 4096 * 256);
        Assert.Equal(2e-9 * (layers + embedding), (double)result["read_gb"]!, 5e-4);
        Assert.Equal(1e-9 * (0.516 * layers + 2 * embedding), (double)result["model_gb"]!, 6e-4);
        Assert.InRange((double)result["best_seconds"]!, 1e-9, (double)result["seconds"]!);
        Assert.True((double)result["quantize_seconds"]! > 0, result.ToJsonString());
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Load_MeasuresAModel_AndLeavesItInPlace()
    {
        var model = TestAssets.Golden("models", "gqa_sharded");
        var before = Directory.GetFiles(model);
        var result = Bench("load", "--model", model, "--repeat", "1");
        Assert.Equal((model, "none"), ((string?)result["model"], (string?)result["quant"]));
        Assert.Equal(before, Directory.GetFiles(model));
    }

    [Theory]
    [InlineData("nf4", "true", null)]
    [InlineData("none", "false", "the optimized path is switched off")]
    public void Decode_MeasuresAStepAgainstTheMemoryItReads(string quant, string optimized, string? obstacle)
    {
        var result = Bench(
            "decode", "--shape", "nano-7m", "--quant", quant, "--batch", "2", "--new", "3", "--optimized", optimized);
        Assert.Equal((obstacle is null, obstacle), ((bool?)result["optimized"], (string?)result["reference_because"]));
        var (gigabytes, seconds) = ((double)result["step_gb"]!, (double)result["step_ms"]! / 1000);
        var share = gigabytes / seconds / (double)result["read_gb_per_second"]!;
        Assert.InRange((double)result["read_utilization"]! / share, 0.8, 1.25); // printed with few digits
        Assert.InRange((double)result["tokens_per_second"]! * seconds / 2, 0.95, 1.05);
    }

    [Fact]
    public void Grpo_DividesTheTimeOfAStep()
    {
        var result = Bench(
            "grpo", "--shape", "nano-7m", "--prompts", "2", "--generations", "2", "--batch", "2", "--new", "3",
            "--prompt", "4", "--steps", "1");
        var (step, parts) = ((double)result["step_seconds"]!, new[] { "generation", "scoring", "training" });
        Assert.Equal(step, parts.Sum(part => (double)result[$"{part}_seconds"]!), 4e-3); // printed with few digits
        Assert.InRange(
            (double)result["generated_tokens_per_second"]! * (double)result["generation_seconds"]!, 10, 14);
    }

    [Fact]
    public void Serve_MeasuresWhatEveryClientIsAnswered()
    {
        var result = Bench(
            "serve", "--model", Model, "--streams", "2", "--requests", "4", "--prompt_words", "3", "--new", "5");
        Assert.Equal(
            (2, 4, 20), ((int?)result["streams"], (int?)result["requests"], (int?)result["completion_tokens"]));
        Assert.Equal(
            20 / (double)result["seconds"]!, (double)result["tokens_per_second"]!,
            (double)result["tokens_per_second"]! / 10);
        Assert.InRange((double)result["first_token_p50_ms"]!, 1e-3, (double)result["first_token_p99_ms"]!);
        // A client that had to wait for a processor finds several tokens at once.
        Assert.InRange((double)result["between_tokens_p50_ms"]!, 0, (double)result["between_tokens_p99_ms"]!);
    }

    [Fact]
    public void Serve_AsksAModelOfRandomWeights_ByTokenIds()
    {
        var result = Bench(
            "serve", "--shape", "nano-7m", "--quant", "nf4", "--streams", "2", "--requests", "3",
            "--prompt_words", "7", "--new", "5");
        Assert.Equal((15, 21), ((int?)result["completion_tokens"], (int?)result["prompt_tokens"]));
        Assert.Equal("nano-7m", (string?)result["models"]![0]);
        Assert.True((double)result["first_token_p50_ms"]! > 0);
    }

    [Fact]
    public void Soak_TellsGoodFromWrongRequests()
    {
        var result = Bench("soak", "--model", Model, "--streams", "8", "--seconds", "2");
        Assert.All(
            (string[])["good", "slow", "left", "wrong", "huge"],
            kind => Assert.True((int)result[kind]! > 0, $"{kind}: {result.ToJsonString()}"));
        Assert.Equal(
            (0, 0, 0), ((int?)result["good_failed"], (int?)result["wrong_not_refused"], (int?)result["starved"]));
        Assert.Null(result["first_failure"]);
        Assert.Null(result["first_not_refused"]);
        Assert.All(
            (string[])["memory_mb", "handles", "threads"],
            name => Assert.All(result[name]!.AsArray(), seen => Assert.True((double)seen! > 0, name)));
    }

    private static string Model => Path.Combine(TestAssets.Root, "assets", "nano-base");

    private static JsonObject Bench(string what, params string[] arguments) =>
        JsonNode.Parse(Cli.Succeed(["bench", what, "--device", "cpu", "--json", .. arguments]).Output)!.AsObject();
}
