using Lorikeet.Configuration;
using Lorikeet.Formats;
using Lorikeet.Runs;
using Lorikeet.Studio.Records;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Hosting;

namespace Lorikeet.Studio.Work;

/// <summary>Runs that were asked for, one at a time, in their order; those that wait outlive the studio.</summary>
/// <param name="places">Where runs lie.</param>
/// <param name="store">The history.</param>
/// <param name="clock">Times what is asked for.</param>
public sealed class RunQueue(StudioPlaces places, RunHistoryStore store, TimeProvider clock) : BackgroundService
{
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(1);

    private readonly SemaphoreSlim _asked = new(0);
    private readonly Lock _lock = new();
    private LiveRun? _current;

    /// <summary>The run that is running; null for none.</summary>
    public LiveRun? Current => Volatile.Read(ref _current);

    /// <summary>The run of a name, if it is running.</summary>
    /// <param name="name">The name.</param>
    public LiveRun? Find(string name) => Current is { } run && run.Name == name ? run : null;

    /// <summary>Adds a new run.</summary>
    /// <param name="name">Its name, which is free.</param>
    /// <param name="options">Its options; the output is the folder of that name.</param>
    /// <exception cref="ConfigurationException">The name is taken, or no name of a folder.</exception>
    public void Add(string name, ResolvedOptions options)
    {
        if (!StudioPlaces.IsName(name))
            throw new ConfigurationException(
                $"The name is '{name}'. Expected letters, digits, '-', '_' and '.', of at most 120 characters.");
        lock (_lock)
        {
            if (store.All().Any(known => known is { Status: RunStatus.Queued } && known.Name == name))
                throw new ConfigurationException($"A run called '{name}' waits already. Choose another name.");
            new RunFolder(places.RunFolder(name)).RequireFree(overwrite: false);
            Directory.CreateDirectory(places.Own);
            AtomicFile.WriteText(Waiting(name), RunYaml.Of(options));
            store.Save(new RunEntry(name)
            {
                Status = RunStatus.Queued,
                Queued = clock.GetUtcNow(),
                Model = options.Options.Model.Model,
                Data = string.Join(", ", options.Options.Data.Datasets),
            });
        }

        _asked.Release();
    }

    /// <summary>Lets a run go on from its newest checkpoint, when its turn comes.</summary>
    /// <param name="run">The run.</param>
    /// <exception cref="ConfigurationException">It cannot go on.</exception>
    public void Resume(RunEntry run)
    {
        new RunFolder(places.RunFolder(run.Name)).RequireResumable(overwrite: false);
        store.Save(run with { Status = RunStatus.Queued, Queued = clock.GetUtcNow(), Resumes = true, Fault = null });
        _asked.Release();
    }

    /// <summary>Takes a run that waits out of the queue.</summary>
    /// <param name="run">The run.</param>
    public void Remove(RunEntry run)
    {
        if (run.Resumes)
            store.Save(run with { Status = RunStatus.Interrupted, Resumes = false });
        else
            store.Remove(run.Name);
        File.Delete(Waiting(run.Name));
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await using var ending = stoppingToken.Register(() => Current?.Stop());
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (store.All().Where(run => run.Status == RunStatus.Queued).MinBy(run => run.Queued) is { } next)
                {
                    await Take(next).ConfigureAwait(false);
                    continue;
                }
            }
            catch (Exception fault) when (fault is SqliteException or IOException)
            {
                // Pages say that the history cannot be read; what waits is done when it can be again.
            }

            Task asked = _asked.WaitAsync(s_longest, stoppingToken);
            await asked.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task Take(RunEntry run)
    {
        using var live = new LiveRun(run.Name);
        Volatile.Write(ref _current, live);
        var (status, fault) = (RunStatus.Failed, (string?)null);
        try
        {
            store.Save(run with { Status = RunStatus.Running, Changed = clock.GetUtcNow() });
            using var training = new TrainingRun(Options(run)) { Program = places.Program };
            var result = await training.TrainAsync(live, live.Token).ConfigureAwait(false);
            status = result.IsInterrupted ? RunStatus.Interrupted : RunStatus.Finished;
        }
        catch (OperationCanceledException)
        {
            status = RunStatus.Interrupted;
        }
        catch (Exception thrown)
        {
            fault = Faults.Sentence(thrown);
        }

        Volatile.Write(ref _current, null);
        store.Update(run.Name, known => known with
        { Status = status, Fault = fault, Changed = clock.GetUtcNow(), Resumes = false });
        File.Delete(Waiting(run.Name));
    }

    private ResolvedOptions Options(RunEntry run)
    {
        var folder = new RunFolder(places.RunFolder(run.Name));
        return run.Resumes
            ? OptionsResolver.Resolve(folder.OptionsFile, [StudioOrigin.Set("resume_from_checkpoint", "latest")])
            : OptionsResolver.Resolve(Waiting(run.Name), []);
    }

    private string Waiting(string name) => Path.Combine(places.Own, name + ".yaml");
}
