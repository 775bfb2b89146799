using Lorikeet.Cli.Rendering;
using Lorikeet.Runs;
using Lorikeet.Testing;
using Lorikeet.Tests.Runs;
using Lorikeet.Training;
using Spectre.Console;
using Spectre.Console.Testing;

namespace Lorikeet.Cli.Tests.Rendering;

public sealed class RichViewTests
{
    private readonly SteppingClock _clock = new();

    [Theory]
    [InlineData(100, true)]
    [InlineData(60, true)]
    [InlineData(100, false)]
    public void EveryFrame_AsRecorded(int width, bool unicode)
    {
        var console = new TestConsole().Width(width);
        console.Profile.Capabilities.Unicode = unicode;
        var view = new RichView(_clock, unicode);
        foreach (var recorded in WithEvaluations(RecordedRun.Events()))
        {
            _clock.Advance(TimeSpan.FromMilliseconds(200));
            foreach (var line in view.Take(recorded))
                console.Write(new Rows(line));
            if (IsWorthAFrame(recorded))
            {
                console.WriteLine($"--- {recorded.GetType().Name} ---");
                console.Write(view);
                console.WriteLine("---");
            }
        }

        foreach (var line in view.End())
            console.Write(new Rows(line));

        Golden.Verify($"rich-{width}{(unicode ? "" : "-ascii")}.txt", Trimmed(console));
    }

    [Fact]
    public void ResumedRun_BeginsItsBarWhereItStopped()
    {
        var console = new TestConsole().Width(100);
        var view = new RichView(_clock, unicode: true);
        foreach (var recorded in RecordedRun.Events(firstStep: 20, lastStep: 20))
            view.Take(recorded);

        console.Write(view);

        Assert.Contains("20/40  50 %", console.Output);
        Assert.Contains("the first step is on its way", console.Output);
    }

    [Fact]
    public void MarkupInNames_IsText()
    {
        var console = new TestConsole().Width(100);
        var view = new RichView(_clock, unicode: true);
        view.Take(new StageStarted("Loading", "models/[red]x[/]"));
        console.Write(view);
        foreach (var line in view.Take(new Warning("[bold] is no tag")))
            console.Write(new Rows(line));

        Assert.Contains("models/[red]x[/]", console.Output);
        Assert.Contains("[bold] is no tag", console.Output);
    }

    private static IEnumerable<TrainingEvent> WithEvaluations(IEnumerable<TrainingEvent> events)
    {
        foreach (var recorded in events)
        {
            if (recorded is EvaluationCompleted)
            {
                yield return new StageStarted("Evaluating", "96 rows");
                yield return new StageProgressed(48, 96);
            }

            yield return recorded;
        }

        yield return new Warning("2 rows were cut to 512 tokens (first: train.jsonl:17). Raise max_seq_length.");
        yield return new StageStarted("Answering", "512 questions with the tuned model");
    }

    private static bool IsWorthAFrame(TrainingEvent recorded) =>
        recorded is StageProgressed or RunStarted or StepCompleted { Metrics.Step: 1 or 20 or 40 } or StageStarted;

    private static string Trimmed(TestConsole console) =>
        string.Join("\n", console.Lines.Select(line => line.TrimEnd())) + "\n";
}
