using Lorikeet.Configuration;
using Lorikeet.Formats;
using Lorikeet.Runs;
using Lorikeet.Studio.Records;

namespace Lorikeet.Studio.Work;

/// <summary>All runs of the folder, whoever started them: the history, brought up to what the folders say.</summary>
/// <param name="places">Where runs lie.</param>
/// <param name="store">The history.</param>
/// <param name="queue">What the studio itself runs.</param>
public sealed class RunShelf(StudioPlaces places, RunHistoryStore store, RunQueue queue)
{
    private const int NewestSteps = 20;

    private readonly Lock _lock = new();

    /// <summary>Every run as it stands now: first what waits, in its turn, then the newest.</summary>
    public IReadOnlyList<RunEntry> All()
    {
        lock (_lock)
        {
            var known = store.All().ToDictionary(run => run.Name);
            var names = Directory.Exists(places.Runs)
                ? Directory.EnumerateDirectories(places.Runs).Select(Path.GetFileName).OfType<string>()
                : [];
            foreach (var name in names.Where(StudioPlaces.IsName))
            {
                known[name] = Look(
                    known.GetValueOrDefault(name) ?? new RunEntry(name) { Status = RunStatus.Interrupted });
            }

            var runs = known.Values.Where(run => IsThere(run)).Select(WithLive).ToList();
            return
            [
                .. runs.Where(run => run.Status == RunStatus.Queued).OrderBy(run => run.Queued),
                .. runs.Where(run => run.Status != RunStatus.Queued)
                    .OrderByDescending(run => run.Changed ?? run.Queued),
            ];
        }
    }

    /// <summary>One run; null where there is none.</summary>
    /// <param name="name">Its name.</param>
    public RunEntry? Find(string name) => All().FirstOrDefault(run => run.Name == name);

    /// <summary>The folder of a run.</summary>
    /// <param name="name">Its name.</param>
    public RunFolder Folder(string name) => new(places.RunFolder(name));

    private static bool IsThere(RunEntry run) =>
        run.Status is RunStatus.Queued or RunStatus.Running or RunStatus.Failed || run.MetricsBytes >= 0;

    private RunEntry WithLive(RunEntry run)
    {
        if (queue.Find(run.Name) is { } live)
            return run with { Status = live.IsPaused ? RunStatus.Paused : RunStatus.Running, Steps = live.State.Step };
        if (run.Status is RunStatus.Queued or RunStatus.Failed)
            return run;
        if (FolderLock.HolderOf(places.RunFolder(run.Name)) is not null)
            return run with { Status = RunStatus.Elsewhere };
        return run.Status is RunStatus.Running or RunStatus.Paused or RunStatus.Elsewhere
            ? run with { Status = RunStatus.Interrupted }
            : run;
    }

    /// <summary>Reads a folder whose files have changed since the last look.</summary>
    private RunEntry Look(RunEntry run)
    {
        var folder = new RunFolder(places.RunFolder(run.Name));
        var metrics = new FileInfo(folder.MetricsFile);
        if (!metrics.Exists || !File.Exists(folder.OptionsFile))
            return run with { MetricsBytes = -1 };
        var isLive = queue.Find(run.Name) is not null;
        if (metrics.Length == run.MetricsBytes && (isLive || run.Status != RunStatus.Running))
            return run;
        var looked = Read(run, folder, metrics);
        return store.Update(run.Name, kept => looked with
        {
            Status = isLive || kept.Status is RunStatus.Queued or RunStatus.Failed ? kept.Status : looked.Status,
            Queued = kept.Queued,
            Resumes = kept.Resumes,
            Fault = kept.Fault ?? looked.Fault,
        });
    }

    private static RunEntry Read(RunEntry run, RunFolder folder, FileInfo metrics)
    {
        try
        {
            var history = RunHistory.Read(folder.MetricsFile);
            var options = run.Model is null ? TryOptions(folder) : null;
            return run with
            {
                Status = history.Result is null ? RunStatus.Interrupted : RunStatus.Finished,
                Changed = metrics.LastWriteTimeUtc,
                MetricsBytes = metrics.Length,
                Model = options?.Options.Model.Model ?? run.Model,
                Data = options is null ? run.Data : string.Join(", ", options.Options.Data.Datasets),
                Steps = history.Steps is [.., var last] ? last.Step : 0,
                Loss = history.Steps.Count == 0 ? null : history.Steps.TakeLast(NewestSteps).Average(step => step.Loss),
                EvalLoss = history.Evaluations.LastOrDefault(evaluation => evaluation.Step > 0)?.Loss,
                BaseLoss = history.Base?.Loss,
                Tokens = history.Steps is [.., var newest] ? newest.Tokens : 0,
            };
        }
        catch (Exception fault) when (fault is LorikeetException or IOException)
        {
            return run with { MetricsBytes = metrics.Length, Fault = fault.Message };
        }
    }

    private static ResolvedOptions? TryOptions(RunFolder folder)
    {
        try
        {
            return OptionsResolver.Resolve(folder.OptionsFile, [], needsData: false);
        }
        catch (LorikeetException)
        {
            return null; // of another version, or changed by hand: the run is shown without
        }
    }
}
