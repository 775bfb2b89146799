using Lorikeet.Cli.Rendering;
using Lorikeet.Runs;
using Lorikeet.Runs.Reports;

namespace Lorikeet.Cli.Tests.Rendering;

public sealed class NextCommandsTests
{
    [Fact]
    public void Commands_OfAFinishedRun_UseItsAdapter()
    {
        var commands = NextCommands.Of(new RunFolder("runs/demo"), "What's 'x'?").Select(next => next.Command).ToList();

        Assert.Contains(
            commands, command => command.Contains($"chat --adapter {Path.Combine("runs", "demo", "adapter")}"));
        if (!OperatingSystem.IsWindows())
            Assert.EndsWith(@"--prompt 'What'\''s '\''x'\''?'", commands[0]);
    }

    [Fact]
    public void Commands_AfterTrainingAllWeights_UseTheModel()
    {
        var commands = NextCommands.Of(new RunFolder("runs/demo"), "x", isAdapter: false).Select(next => next.Command)
            .ToList();

        Assert.Contains(commands, command => command.EndsWith($"chat --model {Path.Combine("runs", "demo", "model")}"));
        Assert.DoesNotContain(commands, command => command.Contains("merge"));
    }

    [Fact]
    public void Commands_OfAnInterruptedRun_ResumeIt()
    {
        var only = Assert.Single(NextCommands.Of(new RunFolder("runs/my run"), "", finished: false));

        Assert.Equal(CommandPurpose.Resume, only.Purpose);
        Assert.EndsWith("--resume_from_checkpoint latest", only.Command);
        Assert.Contains(
            $"{Path.Combine("runs", "my run", "run.yaml")}{(OperatingSystem.IsWindows() ? '"' : '\'')}", only.Command);
    }
}
