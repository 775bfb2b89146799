using Lorikeet.Configuration;
using Lorikeet.Formats;
using Lorikeet.Training;

namespace Lorikeet.Runs;

/// <summary>
/// A run as its folder tells it: options, state, every step, scores and answers. Files are read when they are first
/// asked for, and once; to see what a running one has done since, read it again.
/// </summary>
public sealed class StoredRun
{
    private readonly Lazy<(TrainingOptions? Value, string? Problem)> _options;
    private readonly Lazy<(RunHistory? Value, string? Problem)> _history;
    private readonly Lazy<(RunRecord? Value, string? Problem)> _record;

    private StoredRun(RunFolder folder)
    {
        Folder = folder;
        _options = Reading(
            folder.OptionsFile, file => OptionsResolver.Resolve(file, [], needsData: false).Options);
        _history = Reading(folder.MetricsFile, RunHistory.Read);
        _record = Reading(folder.RecordFile, RunRecord.Read);
        IsRunning = FolderLock.IsTaken(folder.Folder);
        State = folder.State();
    }

    /// <summary>Where its files lie.</summary>
    public RunFolder Folder { get; }

    /// <summary>The last part of its folder's path.</summary>
    public string Name => Folder.Name;

    /// <summary>Whether a process trained in the folder when it was read.</summary>
    public bool IsRunning { get; }

    /// <summary>How far it came; one that is running counts as interrupted.</summary>
    public RunState State { get; }

    /// <summary>All its options; null when <c>run.yaml</c> is missing or cannot be read.</summary>
    public TrainingOptions? Options => _options.Value.Value;

    /// <summary>Its steps and evaluations; empty when there are none, or none can be read.</summary>
    public RunHistory History => _history.Value.Value ?? new RunHistory([], [], null);

    /// <summary>
    /// Model, data, scores and answers; null of a run that never took a step, or of Lorikeet before it kept them.
    /// </summary>
    public RunRecord? Record => _record.Value.Value;

    /// <summary>When it began, as far as its files say.</summary>
    public DateTimeOffset Started => Record?.Started
        ?? new[] { Folder.OptionsFile, Folder.MetricsFile }.Where(File.Exists)
            .Select(file => new DateTimeOffset(File.GetLastWriteTimeUtc(file), TimeSpan.Zero))
            .DefaultIfEmpty(DateTimeOffset.UnixEpoch).Min();

    /// <summary>Steps of the whole run; null when it is not known.</summary>
    public int? TotalSteps => Record?.Summary.TotalSteps ?? History.Result?.Steps;

    /// <summary>What cannot be read in the folder, a sentence each.</summary>
    public IReadOnlyList<string> Problems =>
        [.. new[] { _options.Value.Problem, _history.Value.Problem, _record.Value.Problem }.OfType<string>()];

    /// <summary>Reads a run.</summary>
    /// <param name="folder">Its folder.</param>
    /// <exception cref="ConfigurationException">It is not the folder of a run.</exception>
    public static StoredRun Read(string folder)
    {
        var run = new RunFolder(folder);
        if (Directory.Exists(run.Folder) && run.IsARuns)
            return new StoredRun(run);
        throw new ConfigurationException(
            $"'{folder}' {(Directory.Exists(run.Folder) ? "holds no run" : "does not exist")}. "
            + "The folder of a run, with its run.yaml, was expected. 'runs ls' lists the runs.");
    }

    /// <summary>The runs whose folders lie in a folder, the newest first; none when it does not exist.</summary>
    /// <param name="parent">The folder that holds the runs.</param>
    public static IReadOnlyList<StoredRun> In(string parent = "runs") => !Directory.Exists(parent) ? [] :
    [
        .. Directory.EnumerateDirectories(parent).Select(folder => new RunFolder(folder)).Where(run => run.IsARuns)
            .Select(run => new StoredRun(run))
            .OrderByDescending(run => run.Started).ThenBy(run => run.Name, StringComparer.Ordinal),
    ];

    /// <summary>The options that differ from their defaults, as run.yaml has them.</summary>
    public IReadOnlyList<(string Name, string Value)> ChangedOptions() => Options is not { } options ? [] :
    [
        .. OptionCatalog.Training.Options
            .Select(option => (option.Name, Value: option.TextIn(options), option.DefaultText))
            .Where(option => option.Value != option.DefaultText).Select(option => (option.Name, option.Value)),
    ];

    /// <summary>The options in which runs differ; their folders and names apart.</summary>
    /// <param name="runs">The runs.</param>
    /// <returns>Each with its value in every run, as run.yaml has it; null where that is not known.</returns>
    public static IReadOnlyList<(string Name, IReadOnlyList<string?> Values)> Differences(
        IReadOnlyList<StoredRun> runs) =>
    [
        .. OptionCatalog.Training.Options.Where(option => option.Name is not ("output" or "run_name"))
            .Select(option => (option.Name, Values: (IReadOnlyList<string?>)
                [.. runs.Select(run => run.Options is { } options ? option.TextIn(options) : null)]))
            .Where(option => option.Values.Distinct().Count() > 1),
    ];

    private static Lazy<(T? Value, string? Problem)> Reading<T>(string file, Func<string, T> read) where T : class =>
        new(() =>
        {
            try
            {
                return File.Exists(file) ? (read(file), null) : (null, null);
            }
            catch (Exception fault) when (fault is LorikeetException or IOException or UnauthorizedAccessException)
            {
                return (null, fault.Message);
            }
        });
}
