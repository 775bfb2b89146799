using Lorikeet.Cli.Rendering;
using Lorikeet.Formats;
using Lorikeet.Hub.Transport;
using Lorikeet.Training;

namespace Lorikeet.Cli.Shell;

/// <summary>
/// Says how far a download is: on one line of a terminal that is written anew, as a line now and then in a file or
/// pipe, or as a stage of a training run's display, which owns the terminal.
/// </summary>
internal sealed class DownloadReport(Terminal terminal, Interruption interruption, TimeProvider clock)
    : IProgress<HubProgress>
{
    private const int Megabyte = 1_000_000;
    private static readonly TimeSpan s_frame = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private readonly bool _rewrites = terminal.Talk.Profile.Capabilities is { Interactive: true, Ansi: true };
    private ITrainingObserver? _display;
    private bool _isOpen;
    private long _last;

    /// <summary>Hands the reports to a display from now on.</summary>
    public void ShowIn(ITrainingObserver display) => _display = display;

    /// <summary>Says what the hub's client has to say, such as that the cache answers in place of a download.</summary>
    public void Note(string message)
    {
        interruption.Unfinished = null;
        interruption.Say(message);
    }

    public void Report(HubProgress value)
    {
        lock (_gate)
        {
            var isOver = value.FilesDone == value.FileCount;
            interruption.Unfinished = isOver
                ? null
                : "The download was stopped. What has come is kept, and the same command goes on with it.";
            if (_display is not null)
                Show(_display, value);
            else
                Write(value, isOver);
            _isOpen = !isOver;
        }
    }

    private void Show(ITrainingObserver display, HubProgress value)
    {
        if (!_isOpen && value.FilesDone < value.FileCount)
            display.Observe(new StageStarted("Downloading", $"{value.FileCount} files, in MB"));
        if (value.BytesTotal is { } total)
            display.Observe(new StageProgressed(value.BytesDone / Megabyte, total / Megabyte));
    }

    private void Write(HubProgress value, bool isOver)
    {
        var isFirst = !_isOpen;
        if (!isFirst && !isOver && clock.GetElapsedTime(_last) < (_rewrites ? s_frame : s_pause))
            return;
        if (isFirst && isOver)
            return; // nothing had to be fetched
        _last = clock.GetTimestamp();
        var total = value.BytesTotal is { } bytes ? $" of {Quantities.Bytes(bytes)}" : "";
        var line = $"Downloading: {Quantities.Bytes(value.BytesDone)}{total}, {value.FilesDone} of {value.FileCount} " +
            "files";
        if (!_rewrites)
            terminal.Error.WriteLine(line);
        else
            terminal.Talk.Profile.Out.Writer.Write($"\r\u001b[K{line}{(isOver ? "\n" : "")}");
    }
}
