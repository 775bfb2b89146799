using Lorikeet.Formats;
using Lorikeet.Runs;
using Lorikeet.Training;
using Spectre.Console;

namespace Lorikeet.Cli.Rendering;

/// <summary>The runs of a sweep as lines that only append, each with the name of its run.</summary>
/// <param name="console">stderr.</param>
/// <param name="options">How much is shown.</param>
internal sealed class SweepProgress(IAnsiConsole console, OutputOptions options) : IProgress<SweepEvent>
{
    private readonly Dictionary<string, RunProgress> _runs = [];

    public void Report(SweepEvent value)
    {
        if (options.Progress == ProgressMode.None)
            return;
        if (!_runs.TryGetValue(value.Run, out var progress))
            _runs[value.Run] = progress = new RunProgress();
        progress.Observe(value.Event);
        if (options.Progress == ProgressMode.Json)
        {
            console.Profile.Out.Writer.WriteLine(
                $"{{\"run\":\"{value.Run}\",{EventJson.Line(value.Event, progress)[1..]}");
            return;
        }

        if (!IsShown(value.Event, progress))
            return;
        var writer = new VisibleWriter(console.Profile.Out.Writer);
        foreach (var line in EventText.Lines(value.Event, progress))
            writer.WriteLine($"{value.Run}: {line}");
        writer.Flush();
    }

    private bool IsShown(TrainingEvent shown, RunProgress progress) => shown switch
    {
        StepCompleted { Metrics.Step: var step } =>
            step % options.LoggingSteps == 0 || step == progress.Summary?.TotalSteps,
        StageStarted or CheckpointSaved => false,
        _ => true,
    };
}
