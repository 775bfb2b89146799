using System.Diagnostics;
using System.Text.Json.Nodes;
using Lorikeet.Testing;

namespace Lorikeet.Cli.Tests;

public sealed class TrainVerbTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lorikeet-train").FullName;

    public TrainVerbTests()
    {
        var random = new Random(7);
        File.WriteAllLines(Path.Combine(_folder, "rows.jsonl"), Enumerable.Range(0, 24).Select(_ =>
        {
            int[] ids = [.. Enumerable.Range(0, random.Next(8, 16)).Select(_ => random.Next(3, 320))];
            int[] labels = [-100, -100, -100, .. ids.Skip(3)];
            return $$"""{"input_ids": [{{string.Join(",", ids)}}], "labels": [{{string.Join(",", labels)}}]}""";
        }));
    }

    private string Run => Path.Combine(_folder, "run");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Train_LeavesEverythingInTheRunsFolder()
    {
        var result = Train("--max-steps", "3", "--json");

        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal(3, JsonNode.Parse(result.Output)!["steps"]!.GetValue<int>());
        Assert.Matches("(?m)^max_steps: 3 +# command line$", File.ReadAllText(Path.Combine(Run, "run.yaml")));
        var steps = File.ReadLines(Path.Combine(Run, "metrics.jsonl")).Count(line => line.Contains("\"grad_norm\""));
        Assert.Equal(3, steps);
        string[] files = ["log.txt", "report.md", "report.html", "adapter/adapter_config.json", "adapter/README.md"];
        Assert.All(files, file => Assert.True(File.Exists(Path.Combine(Run, file)), file));
    }

    [Fact]
    public void HeldOutLoss_IsThatOfTheBaseAndOfTheResult()
    {
        var result = Train("--max-steps", "2", "--test_size", "4", "--learning_rate", "0.01", "--json");

        Assert.True(result.ExitCode == 0, result.Error);
        var evaluations = File.ReadLines(Path.Combine(Run, "metrics.jsonl")).Select(line => JsonNode.Parse(line)!)
            .Where(line => line["eval_loss"] is not null).ToList();
        Assert.Equal([0, 2], evaluations.Select(line => (int)line["step"]!));
        var outcome = JsonNode.Parse(result.Output)!;
        Assert.Equal((double)evaluations[0]["eval_loss"]!, (double)outcome["base_eval_loss"]!);
        Assert.Equal((double)evaluations[1]["eval_loss"]!, (double)outcome["eval_loss"]!);
        Assert.Equal(2, (int)outcome["best_step"]!);
        Assert.Contains("| Held-out loss | ", File.ReadAllText(Path.Combine(Run, "report.md")));
    }

    [Fact]
    public void HeldOutLoss_OfTheBaseIsLeftOut_WithoutEvalOnStart()
    {
        var outcome = JsonNode.Parse(
            Train("--max-steps", "1", "--test_size", "4", "--eval_on_start", "false", "--json").Output)!;
        Assert.Null(outcome["base_eval_loss"]);
        Assert.NotNull(outcome["eval_loss"]);
    }

    [Fact]
    public void MaxLength_IsThePositionsOfTheModelUnlessMoreIsAskedFor()
    {
        Assert.DoesNotContain("positions", Train("--max_steps", "1").Error);
        Assert.Matches("(?m)^max_length: 256 ", File.ReadAllText(Path.Combine(Run, "run.yaml")));
        Train("--max_steps", "1", "--overwrite_output_dir", "--max_seq_length", "300");
        Assert.Contains(
            "--max_length is 300, but the model was made for 256 positions",
            File.ReadAllText(Path.Combine(Run, "log.txt")));
    }

    [Fact]
    public void DryRun_TakesOneStepAndSavesNothing()
    {
        var result = Train("--max_steps", "1000", "--dry_run");

        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains("Nothing was saved.", result.Error);
        Assert.Empty(result.Output);
        Assert.False(Directory.Exists(Run));
    }

    [Fact]
    public void FinishedRun_IsNotOverwrittenUnasked()
    {
        Assert.Equal(0, Train("--max_steps", "1").ExitCode);
        var again = Train("--max_steps", "1");
        Assert.Equal(2, again.ExitCode);
        Assert.Contains("holds a finished run", again.Error);
        Assert.Equal(0, Train("--max_steps", "1", "--overwrite_output_dir").ExitCode);
    }

    [Fact]
    public void MistakenDataset_LeavesNoFolderAndRemovesNone()
    {
        Assert.Equal(2, Train("--max_steps", "1", "--dataset", "nowhere.jsonl").ExitCode);
        Assert.False(Directory.Exists(Run));
        Assert.Equal(0, Train("--max_steps", "1").ExitCode);
        Assert.Equal(2, Train("--overwrite_output_dir", "--dataset", "nowhere.jsonl").ExitCode);
        Assert.True(File.Exists(Path.Combine(Run, "report.md")));
    }

    [Fact]
    public void WrongOptions_AreAllNamedAndNothingIsBegun()
    {
        var result = Train("--lora_r", "0", "--lr", "fast", "--deepspeed", "zero.json");

        Assert.Equal(2, result.ExitCode);
        Assert.Contains("3 options are wrong:", result.Error);
        Assert.Contains("--lora_r is '0'.", result.Error);
        Assert.Contains("--lr is 'fast'.", result.Error);
        Assert.Contains("--deepspeed is 'zero.json'.", result.Error);
        Assert.False(Directory.Exists(Run));
    }

    [Fact]
    public void Interrupt_FinishesTheStepSavesAndExitsWith130()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no signals to send.");
        Assert.SkipWhen(
            CliProcess.IgnoresInterrupts, "SIGINT is ignored here, as under nohup; what is started inherits that.");
        using var process = CliProcess.Start(_folder, Arguments("--max_steps", "1000000", "--save_steps", "1000000"));
        var metrics = Path.Combine(Run, "metrics.jsonl");
        // A step is written down before the command hears of it, and only then has it something to save.
        SpinWait.SpinUntil(() => process.HasExited || File.Exists(metrics) && File.ReadLines(metrics).Count() > 1);
        Process.Start("kill", ["-INT", $"{process.Id}"])!.WaitForExit();

        process.WaitForExit();
        Assert.Equal(130, process.ExitCode);
        Assert.Single(Directory.GetDirectories(Path.Combine(Run, "checkpoints"), "step-*"));
    }

    private CliResult Train(params string[] more) => Cli.Run(Arguments(more));

    private string[] Arguments(params string[] more) =>
    [
        "train", "--model", TestAssets.Golden("models", "gqa"), "--dataset", Path.Combine(_folder, "rows.jsonl"),
        "--output", Run,
        "--torch_dtype", "float32", "--progress", "none", .. more,
    ];
}
