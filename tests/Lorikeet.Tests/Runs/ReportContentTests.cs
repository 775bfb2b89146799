using Lorikeet.Configuration;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Lora;
using Lorikeet.Runs;
using Lorikeet.Runs.Reports;
using Lorikeet.Training;

namespace Lorikeet.Tests.Runs;

public sealed class ReportContentTests
{
    [Fact]
    public void Settings_AreThoseThatShapeTheResult_AndThoseThatSomebodySet()
    {
        var resolved = ResolvedOptions.FromCode(new TrainingOptions
        {
            Model = new ModelOptions { Model = "nano" },
            Lora = new LoraOptions { Rank = 7 },
            Evaluation = new EvaluationOptions { EvalSteps = 13 },
        });

        var settings = ReportSettings.Of(resolved).ToDictionary(setting => setting.Name);

        Assert.Equal(new ReportSetting("lora_r", "7", "code"), settings["lora_r"]);
        Assert.Equal("default", settings["learning_rate"].Origin);
        Assert.Equal(new ReportSetting("eval_steps", "13", "code"), settings["eval_steps"]);
        Assert.DoesNotContain("model", settings.Keys);
        Assert.Empty(ReportSettings.Always.Except(settings.Keys));
    }

    [Fact]
    public void NextCommands_OfAFinishedRun_UseItsAdapter()
    {
        var commands = NextCommands.Of(new RunFolder("runs/demo"), "What's 'x'?").Select(next => next.Command).ToList();

        Assert.Contains(commands, command => command.Contains($"chat --adapter {Path.Combine("runs", "demo", "adapter")}"));
        if (!OperatingSystem.IsWindows())
            Assert.EndsWith(@"--prompt 'What'\''s '\''x'\''?'", commands[0]);
    }

    [Fact]
    public void NextCommands_AfterTrainingAllWeights_UseTheModel()
    {
        var commands = NextCommands.Of(new RunFolder("runs/demo"), "x", isAdapter: false).Select(next => next.Command).ToList();

        Assert.Contains(commands, command => command.EndsWith($"chat --model {Path.Combine("runs", "demo", "model")}"));
        Assert.DoesNotContain(commands, command => command.Contains("merge"));
    }

    [Fact]
    public void NextCommands_OfAnInterruptedRun_ResumeIt()
    {
        var only = Assert.Single(NextCommands.Of(new RunFolder("runs/my run"), "", finished: false));

        Assert.Equal(CommandPurpose.Resume, only.Purpose);
        Assert.EndsWith("--resume_from_checkpoint latest", only.Command);
        Assert.Contains($"{Path.Combine("runs", "my run", "run.yaml")}{(OperatingSystem.IsWindows() ? '"' : '\'')}", only.Command);
    }
}
