using Lorikeet.Formats;
using Lorikeet.Runs;
using Lorikeet.Training;
using Spectre.Console;
using Spectre.Console.Rendering;
using static Lorikeet.Formats.Quantities;

namespace Lorikeet.Cli.Rendering;

/// <summary>What the live display shows: the stage, and while training its bar and numbers.</summary>
internal sealed class RichView(TimeProvider clock, bool unicode) : Renderable
{
    private readonly Lock _gate = new();
    private readonly List<double> _losses = [];
    private RunProgress _progress = new();
    private Stage? _stage;
    private long? _started;

    /// <summary>Takes an event; returns finished lines, which scroll away above the display.</summary>
    public IReadOnlyList<IRenderable> Take(TrainingEvent trainingEvent)
    {
        lock (_gate)
        {
            _progress.Observe(trainingEvent);
            return trainingEvent switch
            {
                StageStarted stage => Enter(stage),
                StageProgressed progress => Advance(progress),
                RunStarted started => [.. LeaveStage(), .. Start(started.Summary)],
                StepCompleted step => Step(step.Metrics),
                EvaluationCompleted { Metrics: var metrics } => Evaluated(metrics),
                CheckpointSaved saved => [Line($"[dim]step {saved.Step}  checkpoint {Near(saved.Folder)}[/]")],
                Warning warned => [Line($"[yellow]warning[/]  {warned.Message.EscapeMarkup()}")],
                Note noted => [Line($"[blue]note[/]  {noted.Message.EscapeMarkup()}")],
                RunCompleted completed => [.. LeaveStage(), .. Finish(completed.Result)],
                _ => [],
            };
        }
    }

    /// <summary>Ends the display; returns the lines of what was still going on.</summary>
    public IReadOnlyList<IRenderable> End()
    {
        lock (_gate)
            return LeaveStage();
    }

    protected override IEnumerable<Segment> Render(RenderOptions options, int maxWidth)
    {
        lock (_gate)
        {
            var lines = new List<IRenderable>();
            if (_started is { } started && _progress.Summary is { } summary)
            {
                lines.Add(Bar(summary, started, maxWidth));
                lines.Add(Line(TrainingNumbers.Fit(_progress, _losses, unicode, maxWidth)));
            }

            if (_stage is { } stage)
                lines.Add(Line(Spinner() + Describe(stage, maxWidth - 2)));
            var aboveBar = _started is null ? 0 : 1;
            IRenderable below = new Padder(new Rows(lines), new Padding(0, aboveBar, 0, 0));
            return VisibleRendering.Show(below.Render(options, maxWidth));
        }
    }

    private IReadOnlyList<IRenderable> Enter(StageStarted stage)
    {
        var left = LeaveStage();
        _stage = new Stage(stage.Stage, stage.Detail, clock.GetTimestamp());
        return left;
    }

    private IReadOnlyList<IRenderable> Advance(StageProgressed progress)
    {
        if (_stage is not null)
            _stage = _stage with { Done = progress.Done, Total = progress.Total };
        return [];
    }

    private IReadOnlyList<IRenderable> LeaveStage()
    {
        if (_stage is not { } stage)
            return [];
        _stage = null;
        var bullet = unicode ? "•" : "*";
        return [Line($"[green]{bullet}[/] {Describe(stage with { Total = 0 }, width: 0)}")];
    }

    private IReadOnlyList<IRenderable> Start(RunSummary summary)
    {
        _started = clock.GetTimestamp();
        _losses.Clear();
        return RunHeader.Of(summary);
    }

    private IReadOnlyList<IRenderable> Step(StepMetrics metrics)
    {
        _stage = null;
        _losses.Add(metrics.Loss);
        return [];
    }

    private IReadOnlyList<IRenderable> Evaluated(EvaluationMetrics metrics)
    {
        _stage = null;
        var best = metrics.Step == 0 ? "  [dim]the base[/]"
            : _progress.IsBest ? "  [green]best so far[/]" : "";
        var measures = string.Concat(EvaluationText.Measures(metrics)
            .Select(measure => $"  {measure.Name} [bold]{measure.Value}[/]"));
        return
        [
            Line($"step {metrics.Step}  eval loss [bold]{Loss(metrics.Loss)}[/]{EventText.Quality(metrics, "  ")}"
                + measures
                + $"  [dim]{Count(metrics.Rows)} rows in {Duration(metrics.Seconds)}[/]{best}"),
        ];
    }

    private IReadOnlyList<IRenderable> Finish(TrainingResult result)
    {
        _started = null;
        _progress = new RunProgress();
        var colour = result.Reason is StopReason.Interrupted or StopReason.Forgetting ? "yellow" : "green";
        var bullet = unicode ? "•" : "*";
        var ending = result.Reason switch
        {
            StopReason.Completed => $"{Count(result.Steps)} steps",
            StopReason.EarlyStopping => $"stopped early after {Count(result.Steps)} steps",
            StopReason.Forgetting => $"stopped by max_forgetting after {Count(result.Steps)} steps",
            _ => $"interrupted after {Count(result.Steps)} steps",
        };
        var best = EvaluationText.Best(result) is { } value ? $", best {value} (step {result.BestStep})" : "";
        return
        [
            Line($"[{colour}]{bullet}[/] [bold]Training[/] {ending}, train loss {Loss(result.TrainLoss)}{best}, "
                + $"peak {Bytes(result.PeakMemoryBytes)}  [dim]{Duration(result.Seconds)}[/]"),
        ];
    }

    private Markup Bar(RunSummary summary, long started, int width)
    {
        var passed = clock.GetElapsedTime(started).TotalSeconds;
        var left = _progress.SecondsLeft is { } seconds ? $", {Clock(seconds)} left" : "";
        var text = $"  {Count(_progress.Step)}/{Count(summary.TotalSteps)}  {_progress.Share * 100:0} %"
            + $"  {Clock(passed)} passed{left}";
        var bar = Math.Clamp(width - text.Length, 8, 60);
        return Line(ProgressBar.Markup(_progress.Share, bar, unicode) + text);
    }

    private string Describe(Stage stage, int width)
    {
        var passed = Duration(clock.GetElapsedTime(stage.Started).TotalSeconds);
        var bar = "";
        if (stage.Total > 0)
        {
            var count = $"  {Count(stage.Done)}/{Count(stage.Total)}";
            var room = width - stage.Name.Length - stage.Detail.Length - count.Length - passed.Length - 5;
            bar = $"  {ProgressBar.Markup((double)stage.Done / stage.Total, Math.Clamp(room, 0, 20), unicode)}{count}";
        }

        var detail = stage.Detail.Length > 0 ? $" {stage.Detail.EscapeMarkup()}" : "";
        return $"[bold]{stage.Name.EscapeMarkup()}[/]{detail}{bar}  [dim]{passed}[/]";
    }

    private string Spinner()
    {
        var spinner = unicode ? Spectre.Console.Spinner.Known.Dots : Spectre.Console.Spinner.Known.Line;
        var frame = clock.GetElapsedTime(0).Ticks / spinner.Interval.Ticks % spinner.Frames.Count;
        return $"[green]{spinner.Frames[(int)frame].EscapeMarkup()}[/] ";
    }

    // A path below the current folder reads better from there.
    private static string Near(string folder)
    {
        var relative = Path.GetRelativePath(Environment.CurrentDirectory, folder);
        return (relative.StartsWith("..", StringComparison.Ordinal) ? folder : relative).EscapeMarkup();
    }

    private static Markup Line(string markup) => new(markup);

    private sealed record Stage(string Name, string Detail, long Started, long Done = 0, long Total = 0);
}
