using System.Text.Json;
using Lorikeet.Cli.Rendering;
using Lorikeet.Testing;
using Lorikeet.Tests.Runs;
using Lorikeet.Training;
using Spectre.Console;
using Spectre.Console.Testing;

namespace Lorikeet.Cli.Tests.Rendering;

public sealed class ProgressDisplayTests
{
    [Theory]
    [InlineData(true, typeof(RichProgress))]
    [InlineData(false, typeof(PlainProgress))]
    public void Auto_IsRichInATerminalAndPlainElsewhere(bool terminal, Type expected)
    {
        var console = new TestConsole().EmitAnsiSequences();
        console.Profile.Capabilities.Interactive = terminal;

        using var display = ProgressDisplay.Create(ProgressMode.Auto, console, 10, new SteppingClock());

        Assert.IsType(expected, display);
    }

    [Fact]
    public void Plain_ReportsEveryTenStepsWithTheMeanLoss() => Golden.Verify("plain.txt", Show(ProgressMode.Plain));

    [Fact]
    public void Json_IsOneObjectAnEvent()
    {
        var output = Show(ProgressMode.Json);

        var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(RecordedRun.Events().Count(), lines.Length);
        string[] kinds = ["stage", "progress", "start", "step", "evaluation", "checkpoint", "end"];
        Assert.Equal(kinds, lines.Select(Kind).Distinct());
        Golden.Verify("events.jsonl", output);
    }

    [Fact]
    public void None_StillWarns()
    {
        var output = Show(ProgressMode.None, [.. RecordedRun.Events(), new Warning("2 rows were cut.")]);

        Assert.Equal("warning: 2 rows were cut.\n", output);
    }

    [Fact]
    public void Rich_LeavesWhatHappenedAndTakesAwayWhatWasGoingOn()
    {
        var output = Show(ProgressMode.Rich);

        Assert.Contains("step 40  eval loss 0.2702", output);
        Assert.Contains("Training 40 steps", output);
        Assert.Equal("peak 334 MiB  9.25 s", output.Trim()[^20..]);
    }

    private static string Kind(string line)
    {
        using var json = JsonDocument.Parse(line);
        return json.RootElement.GetProperty("event").GetString()!;
    }

    private static string Show(ProgressMode mode, IEnumerable<TrainingEvent>? events = null)
    {
        var console = new TestConsole().Width(120);
        using (var display = ProgressDisplay.Create(mode, console, 10, new SteppingClock()))
        {
            foreach (var recorded in events ?? RecordedRun.Events())
                display.Observe(recorded);
            display.Dispose();
        }

        return console.Output.ReplaceLineEndings("\n");
    }
}
