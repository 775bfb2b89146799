using Lorikeet.Runs;
using Lorikeet.Serving;

namespace Lorikeet.Server;

/// <summary>
/// Serves what a running training has written last: its newest checkpoint, and its result when it has ended, under the
/// run's name. The folder is looked at rather than listened to, which works on every disk.
/// </summary>
internal sealed class RunWatch : IAsyncDisposable
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(1);

    private readonly ModelHost _host;
    private readonly RunFolder _run;
    private readonly Action<string> _report;
    private readonly TimeProvider _clock;
    private readonly CancellationTokenSource _stop = new();
    private Task _watching = Task.CompletedTask;
    private (string Folder, DateTime Written)? _seen;

    /// <param name="host">Serves it.</param>
    /// <param name="run">The run's folder, which may not be there yet.</param>
    /// <param name="report">Hears what was loaded and what could not be.</param>
    /// <param name="clock">Times the looks.</param>
    public RunWatch(ModelHost host, string run, Action<string> report, TimeProvider clock) =>
        (_host, _run, _report, _clock) = (host, new RunFolder(run), report, clock);

    /// <summary>Looks from now on.</summary>
    public void Begin() => _watching = Watch();

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task Watch()
    {
        while (true)
        {
            await Look();
            await Task.Delay(s_interval, _clock, _stop.Token);
        }
    }

    private async Task Look()
    {
        try
        {
            if (Newest() is not { } newest || newest == _seen)
                return;
            _seen = newest;
            await _host.LoadAdapter(_run.Name, newest.Folder, replace: true, _stop.Token);
            _report($"'{_run.Name}' is now {newest.Folder}");
        }
        catch (Exception fault) when (fault is LorikeetException or IOException or UnauthorizedAccessException)
        {
            // A checkpoint may have been removed for a newer one meanwhile, even while folders were listed.
            _report($"'{_run.Name}' stays as it was: {fault.Message}");
        }
    }

    /// <summary>The result or the last checkpoint, whichever was written later; null while there is neither.</summary>
    private (string Folder, DateTime Written)? Newest()
    {
        string?[] folders = [_run.Checkpoints.Latest()?.Folder, _run.AdapterFolder];
        return folders.Where(Directory.Exists)
            .Select(folder => ((string Folder, DateTime Written)?)(folder!, Directory.GetLastWriteTimeUtc(folder!)))
            .MaxBy(found => found!.Value.Written);
    }
}
