using Lorikeet.Models.Lora;
using Lorikeet.Runs;
using Lorikeet.Training.Loop;

namespace Lorikeet.Serving;

/// <summary>Follows a training, whose newest checkpoint is an adapter of a <see cref="ModelHost"/>.</summary>
/// <remarks>
/// What cannot be loaded is tried again at the next look, and then after ever more of them, while it is the newest.
/// </remarks>
public sealed class AdapterWatch : IAsyncDisposable
{
    /// <summary>Most looks between two tries of one checkpoint: to read it again and again costs.</summary>
    private const int MostRest = 63;

    private readonly ModelHost _host;
    private readonly RunFolder _run;
    private readonly CancellationTokenSource _stop = new();
    private Task _watching = Task.CompletedTask;
    private Saved? _loaded;
    private Saved? _tried; // the last that was to be loaded
    private int _rest; // looks until it is tried again
    private int _nextRest;

    internal AdapterWatch(ModelHost host, RunFolder run, string? name) =>
        (_host, _run, Name) = (host, run, name ?? run.Name);

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
        var folder = _run.Folder;
        try
        {
            if (Newest() is not { } newest || newest == _loaded || Rests(newest))
                return;
            folder = newest.Folder;
            await Load(newest, cancellation).ConfigureAwait(false);
        }
        catch (Exception fault) when (!cancellation.IsCancellationRequested)
        {
            // What the run has removed meanwhile, even while folders were listed, is no fault: a newer one comes.
            var isRemoved = !Directory.Exists(folder) || (folder == _run.Folder && fault is DirectoryNotFoundException);
            if (!isRemoved)
                Report(new AdapterChange(AdapterChangeKind.Failed, Name, folder) { Fault = fault });
        }
    }

    /// <summary>Whether what failed before is not yet tried again.</summary>
    private bool Rests(Saved newest)
    {
        if (newest != _tried)
            (_tried, _rest, _nextRest) = (newest, 0, 0);
        if (_rest > 0)
        {
            _rest--;
            return true;
        }

        (_rest, _nextRest) = (_nextRest, Math.Min(2 * _nextRest + 1, MostRest));
        return false;
    }

    private void Report(AdapterChange change)
    {
        try
        {
            _host.Report(change);
        }
        catch (Exception)
        {
            // A listener's fault, and nobody is left to be told of it; the training is followed all the same.
        }
    }

    private async Task Load(Saved saved, CancellationToken cancellation)
    {
        if (saved.Folder != _run.AdapterFolder && TrainingCheckpoint.Damage(saved.Folder) is { } damage)
            throw new CheckpointException(
                $"The checkpoint cannot be used: {damage}. It is tried again while it is the newest.");
        await _host.LoadAdapter(Name, saved.Folder, replace: true, cancellation).ConfigureAwait(false);
        (_loaded, Source) = (saved, saved.Folder);
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
