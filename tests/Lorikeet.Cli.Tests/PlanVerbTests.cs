using System.Text.Json.Nodes;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests;

public sealed class PlanVerbTests : IDisposable
{
    private const int Rows = 96;
    private const int Length = 192;

    private static readonly string s_nano = Path.Combine(TestAssets.Root, "assets", "nano-base");

    private readonly TemporaryFolder _folder = new();

    public PlanVerbTests()
    {
        var random = new Random(11);
        File.WriteAllLines(_folder["rows.jsonl"], Enumerable.Range(0, Rows).Select(_ =>
        {
            var ids = string.Join(",", Enumerable.Range(0, Length).Select(_ => random.Next(3, 4000)));
            return $$"""{"input_ids": [{{ids}}], "labels": [{{ids}}]}""";
        }));
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Plan_AddsUpWhatARunWillTake()
    {
        var plan = Plan("--model", s_nano, "--dataset", _folder["rows.jsonl"], "--load_in_4bit", "--device", "cpu",
            "--per_device_train_batch_size", "8", "--gradient_accumulation_steps", "2", "--num_train_epochs", "2",
            "--append_eos", "false");

        // The layers' matrices as codes with their scales, the embedding in 16 or 32 bits.
        var (layers, embedding) = (8 * (256 * (256 + 128 + 128 + 256) + 3 * 256 * 704), 4096 * 256);
        var type = ((string)plan["device"]!).Contains("float32", StringComparison.Ordinal) ? 4 : 2;
        Assert.Equal(1e-9 * (0.516 * layers + type * embedding), (double)plan["weights_gb"]!, 6e-4);
        Assert.Equal((12, 16 * Length, 8 * Length), Batches(plan));
        Assert.Equal(
            8 * 16 * (256 + 256 + 2 * (256 + 128) + 256 + 256 + 3 * (256 + 704)), (long)plan["trainable_parameters"]!);

        var memory = plan["memory"]!.AsObject();
        var parts = memory.Where(part => part.Key is not ("total" or "offloaded_to_host"))
            .Sum(part => (long)part.Value!);
        Assert.Equal((long)memory["total"]!, parts);
        Assert.True((bool)plan["fits"]!);
        Assert.Equal((double)plan["step_ms"]! * 12 / 1000, (double)plan["run_seconds"]!, 0.1);
        Assert.Equal(
            16 * Length / (double)plan["step_ms"]! * 1000, (double)plan["tokens_per_second"]!,
            0.01 * (double)plan["tokens_per_second"]!);
    }

    [Fact]
    public void Plan_NeedsNeitherModelNorDataNorDevice()
    {
        var plan =
            Plan("--shape", "llama2-7b", "--load_in_4bit", "--max_length", "1024", "--per_device_train_batch_size", "4",
            "--gradient_accumulation_steps", "1", "--gradient_checkpointing", "--device", "cuda");

        Assert.Equal(
            (3.866, 4.505, 31),
            ((double)plan["weights_gb"]!, (double)plan["with_adapters_gb"]!, (int)plan["recomputed_layers"]!));
        Assert.InRange((double)plan["peak_memory_gb"]!, 6.3, 6.7);
        Assert.Contains("every row is taken to have 1024 tokens", plan["notes"]!.ToJsonString());
        var isHere = plan["tokens_per_second"] is not null;
        Assert.Equal(
            isHere, !plan["notes"]!.ToJsonString().Contains("There is no cuda here", StringComparison.Ordinal));
    }

    [Fact]
    public void Plan_WithoutModelOrWithAnUnknownShape_SaysWhatIsExpected()
    {
        var missing = Cli.Run("plan", "--dataset", _folder["rows.jsonl"]);
        Assert.Equal(
            (2, true), (missing.ExitCode, missing.Error.Contains("No model is given", StringComparison.Ordinal)));
        var unknown = Cli.Run("plan", "--shape", "llama9");
        Assert.Equal(
            (2, true),
            (unknown.ExitCode, unknown.Error.Contains("Expected one of: llama2-7b", StringComparison.Ordinal)));
    }

    [Fact]
    public void Training_ComesWithinTenPercentOfThePlan_AndTheReportSaysSo()
    {
        // A process of its own, for what is measured is the process's peak.
        var outcome = Json(CliProcess.Run(Training(
            "plain", "--load_in_4bit", "--per_device_train_batch_size", "16", "--gradient_accumulation_steps", "1",
            "--max_steps", "6")));
        var log = File.ReadAllText(_folder["plain/log.txt"]);
        Assert.Contains("plan: ", log);
        Assert.Contains("memory: predicted ", log);
        Assert.DoesNotContain("tokens/s: predicted ", log); // so few steps have no speed
        var report = File.ReadAllText(_folder["plain/report.md"]);
        Assert.Contains("Peak memory, predicted", report);
        Assert.Contains("Peak memory, predicted", File.ReadAllText(_folder["plain/report.html"]));
        var predicted = (double)outcome["predicted_peak_memory_bytes"]!;
        Assert.InRange((double)outcome["peak_memory_bytes"]! / predicted, 0.9, 1.1);
    }

    [Fact]
    public void BatchesThatAreFound_AreTheWholeStep_AndChangeNoLoss()
    {
        string[] step =
        [
            "--per_device_train_batch_size", "2", "--gradient_accumulation_steps", "8", "--max_steps", "2",
            "--torch_dtype", "float32",
        ];
        Cli.Succeed(Training("given", step));
        Cli.Succeed(Training("found", [.. step, "--auto_find_batch_size"]));
        Assert.Contains(
            "auto_find_batch_size divides a step into 1 × 16 rows", File.ReadAllText(_folder["found/log.txt"]));
        Assert.Matches("(?m)^per_device_train_batch_size: 16 ", File.ReadAllText(_folder["found/run.yaml"]));
        Assert.Equal(
            Losses("given"), Losses("found"), (expected, actual) => Math.Abs(expected - actual) < 1e-5 * expected);
    }

    private static (int? Steps, int TokensPerStep, int Largest) Batches(JsonObject plan) =>
        ((int?)plan["steps"], (int)(double)plan["tokens_per_step"]!, (int)plan["largest_batch_tokens"]!);

    private double[] Losses(string run) =>
        [
            .. File.ReadLines(_folder[$"{run}/metrics.jsonl"]).Select(line => JsonNode.Parse(line)!["loss"])
                .OfType<JsonNode>().Select(loss => (double)loss)];

    private static JsonObject Plan(params string[] arguments) => Json(Cli.Run(["plan", "--json", .. arguments]));

    private string[] Training(string run, params string[] more) =>
    [
        "train", "--json", "--model", s_nano, "--dataset", _folder["rows.jsonl"], "--output", _folder[run], "--device",
        "cpu",
        "--save_strategy", "no", "--report_to", "none", "--progress", "none", .. more,
    ];

    private static JsonObject Json(CliResult run)
    {
        Assert.True(run.ExitCode == 0, run.Error);
        return JsonNode.Parse(run.Output)!.AsObject();
    }
}
