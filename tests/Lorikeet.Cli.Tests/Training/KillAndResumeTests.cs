using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests.Training;

/// <summary>A run that is killed again and again ends as the one that was left alone.</summary>
public sealed class KillAndResumeTests : IDisposable
{
    private const int Kills = 20;
    private static readonly string[] s_timings = ["tokens_per_second", "peak_memory_bytes", "train_runtime", "eval_runtime"];

    private readonly TemporaryFolder _folder = new();
    private readonly Random _random = new(20);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void RunKilledTwentyTimes_EndsWithTheSameAdapter()
    {
        WriteRows();
        Assert.Equal(0, CliProcess.Run(Arguments("whole")).ExitCode);
        for (var kill = 0; kill < Kills; kill++) RunAndKill("killed");
        var last = CliProcess.Run([.. Arguments("killed"), "--resume_from_checkpoint", "latest"]);

        Assert.True(last.ExitCode == 0, last.Error);
        Assert.Equal(Hash("whole"), Hash("killed"));
        Assert.Equal(Metrics("whole"), Metrics("killed"));
    }

    /// <summary>Lets the run go on for a few steps, or not even to the first, and kills it.</summary>
    private void RunAndKill(string name)
    {
        using var process = CliProcess.Start(_folder.Path, [.. Arguments(name), "--resume_from_checkpoint", "latest"]);
        var metrics = _folder[$"{name}/metrics.jsonl"];
        var wait = _random.Next(4) == 0 ? TimeSpan.FromMilliseconds(_random.Next(50, 800)) : TimeSpan.FromMinutes(1);
        var sizeToReach = Length(metrics) + _random.Next(1, 1500);
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < wait && Length(metrics) < sizeToReach && !process.HasExited) Thread.Sleep(1);
        Assert.False(process.HasExited, "The run ended before it was killed.");
        process.Kill();
        process.WaitForExit();
    }

    private string[] Arguments(string name) =>
    [
        "train", "--model", TestAssets.Golden("models", "gqa"), "--dataset", _folder["rows.jsonl"], "--output", _folder[name],
        "--max_steps", "150", "--save_steps", "2", "--save_total_limit", "2", "--per_device_train_batch_size", "2",
        "--gradient_accumulation_steps", "2", "--lora_dropout", "0.1", "--neftune_noise_alpha", "5", "--load_in_4bit",
        "--eval_dataset", _folder["eval.jsonl"], "--eval_strategy", "steps", "--eval_steps", "25", "--report_to", "none",
        "--torch_dtype", "float32", "--device", "cpu", "--progress", "none",
    ];

    private void WriteRows()
    {
        int[][] rows = [.. Enumerable.Range(0, 50).Select(_ =>
            Enumerable.Range(0, _random.Next(5, 30)).Select(_ => _random.Next(3, 320)).ToArray())];
        TokenRows.Write(_folder["rows.jsonl"], rows.Skip(4).Select(row => (row, row)));
        TokenRows.Write(_folder["eval.jsonl"], rows.Take(4).Select(row => (row, row)));
    }

    private string Hash(string name) =>
        Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(_folder[$"{name}/adapter/adapter_model.safetensors"])));

    /// <summary>The lines of metrics.jsonl without what the clock decides.</summary>
    private List<string> Metrics(string name) => [.. File.ReadLines(_folder[$"{name}/metrics.jsonl"]).Select(line =>
    {
        var json = JsonNode.Parse(line)!.AsObject();
        foreach (var timing in s_timings) json.Remove(timing);
        return json.ToJsonString();
    })];

    private static long Length(string path) => File.Exists(path) ? new FileInfo(path).Length : 0;
}
