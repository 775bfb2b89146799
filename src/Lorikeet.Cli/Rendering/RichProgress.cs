using System.Collections.Concurrent;
using Lorikeet.Training;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Lorikeet.Cli.Rendering;

/// <summary>
/// A live display: what has happened scrolls up, what is happening is redrawn below it several times a second.
/// </summary>
/// <remarks>Events come on the training thread; only the display's own task writes to the terminal.</remarks>
internal sealed class RichProgress : IProgressDisplay
{
    private static readonly TimeSpan Frame = TimeSpan.FromMilliseconds(125);

    private readonly IAnsiConsole _console;
    private readonly RichView _view;
    private readonly ConcurrentQueue<IRenderable> _happened = new();
    private readonly CancellationTokenSource _ended = new();
    private readonly Task _drawing;

    public RichProgress(IAnsiConsole console, TimeProvider clock)
    {
        _console = console;
        _view = new RichView(clock, console.Profile.Capabilities.Unicode);
        AppDomain.CurrentDomain.ProcessExit += ShowCursor;
        _drawing = Task.Run(() => console.Live(_view).AutoClear(true).StartAsync(DrawAsync));
    }

    public void Observe(TrainingEvent trainingEvent)
    {
        foreach (var line in _view.Take(trainingEvent))
            _happened.Enqueue(line);
    }

    // Code that shows results ends the display first and may dispose it again.
    public void Dispose()
    {
        if (_drawing.IsCompleted)
            return;
        foreach (var line in _view.End())
            _happened.Enqueue(line);
        _ended.Cancel();
        _drawing.GetAwaiter().GetResult();
        _ended.Dispose();
        AppDomain.CurrentDomain.ProcessExit -= ShowCursor;
    }

    private async Task DrawAsync(LiveDisplayContext display)
    {
        while (!_ended.IsCancellationRequested)
        {
            Scroll();
            display.Refresh();
            await Task.Delay(Frame, _ended.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        Scroll();
    }

    private void Scroll()
    {
        var lines = new List<IRenderable>();
        while (_happened.TryDequeue(out var line))
            lines.Add(line);
        if (lines.Count > 0)
            _console.Write(new Scrolled(lines));
    }

    // The live display hides the cursor; a process that is terminated at once must not leave it so.
    private void ShowCursor(object? sender, EventArgs arguments) => _console.Profile.Out.Writer.Write("\u001b[?25h\n");
}
