using Lorikeet.Models.Lora;
using Lorikeet.Runs;
using Lorikeet.Training.Loop;

namespace Lorikeet.Serving;

/// <summary>Follows a training, whose newest checkpoint is an adapter of a <see cref="ModelHost"/>.</summary>
public sealed class AdapterWatch : IAsyncDisposable
{
    private readonly ModelHost _host;
    private readonly RunFolder _run;
    private readonly CancellationTokenSource _stop = new();
    private Task _watching = Task.CompletedTask;
    private Saved? _seen; // what was loaded or failed to be

    internal AdapterWatch(ModelHost host, RunFolder run, string? name) => (_host, _run, Name) = (host, run, name ?? run.Name);

    /// <summary>The adapter's name.</summary>
    public string Name { get; }

    /// <summary>The run's folder.</summary>
    public string Folder => _run.Folder;

    /// <summary>The checkpoint or result that answers now; null before the first.</summary>
    public string? Source { get; private set; }

    /// <summary>Follows the training no more. The adapter stays.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_stop.IsCancellationRequested)
            return;
        await _stop.CancelAsync().ConfigureAwait(false);
        await _watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    /// <summary>Loads what is there and begins to look for more.</summary>
    internal async Task Begin(TimeSpan interval, CancellationToken cancellation)
    {
        await Look(cancellation).ConfigureAwait(false);
        _watching = Watch(interval);
    }

    private async Task Watch(TimeSpan interval)
    {
        using var timer = new PeriodicTimer(interval);
        while (await timer.WaitForNextTickAsync(_stop.Token).ConfigureAwait(false))
            await Look(_stop.Token).ConfigureAwait(false);
    }

    private async Task Look(CancellationToken cancellation)
    {
        Saved? newest = null;
        try
        {
            newest = Newest();
            if (newest is not null && newest != _seen)
                await Load(newest, cancellation).ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is LorikeetException or IOException or UnauthorizedAccessException)
        {
            // What the run has removed meanwhile, even while folders were listed, is no fault: a newer one comes.
            if (newest is not null && Directory.Exists(newest.Folder))
                _host.Report(new AdapterChange(AdapterChangeKind.Failed, Name, newest.Folder) { Fault = fault });
        }
    }

    private async Task Load(Saved saved, CancellationToken cancellation)
    {
        _seen = saved;
        if (saved.Folder != _run.AdapterFolder && TrainingCheckpoint.Damage(saved.Folder) is { } damage)
            throw new CheckpointException($"The checkpoint cannot be used: {damage}. The next one will be tried.");
        await _host.LoadAdapter(Name, saved.Folder, replace: true, cancellation).ConfigureAwait(false);
        Source = saved.Folder;
    }

    /// <summary>
    /// The newest checkpoint, or the result of a run that ended after it; both appear under their names only when they
    /// are complete.
    /// </summary>
    private Saved? Newest() => new[] { _run.Checkpoints.Latest()?.Folder, _run.AdapterFolder }
        .Where(Directory.Exists)
        .Select(folder => new Saved(folder!, Written(folder!)))
        .MaxBy(saved => saved.Written);

    /// <summary>When the weights came; other files may be added to a folder later.</summary>
    private static DateTime Written(string folder)
    {
        var weights = Path.Combine(folder, AdapterFolder.WeightsFile);
        return File.Exists(weights) ? File.GetLastWriteTimeUtc(weights) : Directory.GetLastWriteTimeUtc(folder);
    }

    private sealed record Saved(string Folder, DateTime Written);
}
