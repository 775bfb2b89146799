using Lorikeet.Configuration;
using Lorikeet.Formats;
using Lorikeet.Training;

namespace Lorikeet.Runs;

/// <summary>What a run's folder holds before a run begins in it.</summary>
public enum RunState
{
    /// <summary>Nothing, or only what a run that never took a step left behind.</summary>
    Empty,

    /// <summary>A run that took steps and did not come to its end.</summary>
    Interrupted,

    /// <summary>A run that came to its end.</summary>
    Finished,

    /// <summary>Files that no run wrote.</summary>
    Foreign,
}

/// <summary>The folder of one run: where each of its files lies, and what may be overwritten.</summary>
public sealed class RunFolder
{
    private const string Metrics = "metrics.jsonl";
    private const string Record = "summary.json";
    private const string Answers = "answers.jsonl";
    private static readonly string[] s_results = ["adapter", "model", "report.md", "report.html"];
    private static readonly string[] s_namesOfARun =
        [.. s_results, "checkpoints", "tensorboard", "log.txt", Metrics, Record, Answers, "run.yaml"];

    /// <summary>Names the folder; nothing is read or written.</summary>
    public RunFolder(string folder)
    {
        Folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        Checkpoints = new CheckpointFolders(In("checkpoints"));
    }

    /// <summary>The folder, as a full path.</summary>
    public string Folder { get; }

    /// <summary>The run's name: the last part of <see cref="Folder"/>.</summary>
    public string Name => Path.GetFileName(Path.TrimEndingDirectorySeparator(Folder));

    /// <summary>The checkpoints, one folder each.</summary>
    public CheckpointFolders Checkpoints { get; }

    /// <summary><c>run.yaml</c>: the resolved options with the origin of each value.</summary>
    public string OptionsFile => In("run.yaml");

    /// <summary><c>metrics.jsonl</c>: one line a step and one an evaluation.</summary>
    public string MetricsFile => In(Metrics);

    /// <summary><c>summary.json</c>: what the run is and came to (<see cref="RunRecord"/>).</summary>
    public string RecordFile => In(Record);

    /// <summary><c>answers.jsonl</c>: the answers to the run's questions, before, while and after it trained.</summary>
    public string AnswersFile => In(Answers);

    /// <summary><c>log.txt</c>: what happened, with the time of each line.</summary>
    public string LogFile => In("log.txt");

    /// <summary><c>adapter/</c>: the result.</summary>
    public string AdapterFolder => In("adapter");

    /// <summary><c>model/</c>: the result of training all weights.</summary>
    public string ModelFolder => In("model");

    /// <summary><c>tensorboard/</c>: event files.</summary>
    public string TensorBoardFolder => In("tensorboard");

    /// <summary><c>report.md</c>.</summary>
    public string MarkdownReport => In("report.md");

    /// <summary><c>report.html</c>: one file that needs no other.</summary>
    public string HtmlReport => In("report.html");

    /// <summary>A new folder <c>runs/MODEL-DATASET-DATE</c>; a number is added when that name is taken.</summary>
    /// <param name="model">Folder or hub id of the base.</param>
    /// <param name="dataset">File, folder or hub id of the data.</param>
    /// <param name="clock">Source of the date (local time).</param>
    /// <param name="parent">The folder that holds the runs.</param>
    public static RunFolder Named(string model, string dataset, TimeProvider clock, string parent = "runs")
    {
        var name = RunName.From(model, dataset, clock.GetLocalNow());
        var folder = Path.Combine(parent, name);
        for (var number = 2; Path.Exists(folder); number++)
            folder = Path.Combine(parent, $"{name}-{number}");
        return new RunFolder(folder);
    }

    /// <summary>Reads what the folder holds now.</summary>
    public RunState State()
    {
        if (!Directory.Exists(Folder))
            return RunState.Empty;
        var history = TryReadMetrics();
        if (history is { Steps.Count: > 0 })
            return history.Result is null ? RunState.Interrupted : RunState.Finished;
        if (Checkpoints.Latest() is not null)
            return RunState.Interrupted;
        var names = Names();
        if (!WroteOptions)
            return names.Count > 0 ? RunState.Foreign : RunState.Empty;
        if (names.Intersect(s_results).Any())
            return RunState.Finished;
        // Of a run that never took a step metrics.jsonl is empty.
        if (File.Exists(MetricsFile) && history is null)
            return RunState.Interrupted;
        return names.Except(s_namesOfARun).Any() ? RunState.Foreign : RunState.Empty;
    }

    /// <summary>Keeps the folder, which must exist, to this process until it is disposed or the process ends.</summary>
    /// <exception cref="ConfigurationException">Another run has it.</exception>
    public FolderLock Lock() => FolderLock.Take(Folder);

    /// <summary>Refuses a folder that a run may not begin in; nothing is changed.</summary>
    /// <param name="overwrite">Whether an earlier run there may be removed.</param>
    /// <exception cref="ConfigurationException">The folder holds another run, or files that no run wrote.</exception>
    public void RequireFree(bool overwrite)
    {
        var state = State();
        if (state == RunState.Empty)
            return;
        if (!overwrite)
            throw new ConfigurationException(Refusal(state));
        if (!IsARuns && Names().Intersect(s_namesOfARun).FirstOrDefault() is { } taken)
        {
            throw new ConfigurationException(
                $"'{In(taken)}' was written by no run of Lorikeet, and 'overwrite_output_dir' replaces only what a run "
                + "wrote. Move it away, or choose another 'output'.");
        }
    }

    /// <summary>Refuses a folder in which the newest checkpoint cannot be gone on from; nothing is changed.</summary>
    /// <param name="overwrite">Whether a finished run there may be replaced.</param>
    /// <exception cref="ConfigurationException">
    /// The folder holds files that no run wrote, or a result and no checkpoint.
    /// </exception>
    public void RequireResumable(bool overwrite)
    {
        var state = State();
        var isOver = state == RunState.Finished && Checkpoints.Latest() is null;
        if ((state == RunState.Foreign && !WroteOptions) || (isOver && !overwrite))
            throw new ConfigurationException(Refusal(state));
    }

    /// <summary>Makes the folder ready for a run from its first step.</summary>
    /// <param name="overwrite">Whether an earlier run there is removed; files that no run wrote always stay.</param>
    /// <exception cref="ConfigurationException">The folder holds another run, or files that no run wrote.</exception>
    public void Begin(bool overwrite = false)
    {
        RequireFree(overwrite);
        Directory.CreateDirectory(Folder);
        if (!IsARuns)
            return;
        // What says that a run wrote all this goes last, so that a removal cut short can be repeated.
        foreach (var name in s_namesOfARun)
            Remove(In(name));
    }

    /// <summary>
    /// Whether a run wrote what lies in the folder; an adapter, a log or metrics by themselves may be the user's own.
    /// </summary>
    internal bool IsARuns => WroteOptions || TryReadMetrics() is { Steps.Count: > 0 };

    private bool WroteOptions => File.Exists(OptionsFile)
        && File.ReadLines(OptionsFile).FirstOrDefault() == ResolvedOptions.FirstLineOfYaml;

    private List<string> Names() => [.. Directory.EnumerateFileSystemEntries(Folder)
        .Select(entry => Path.GetFileName(entry))
        .Where(name => name is not (FolderLock.FileName or FolderLock.OwnerFileName)
            && !TemporaryPlace.IsTemporaryName(name))];

    /// <summary>What metrics.jsonl says; null where it is missing or no run wrote it.</summary>
    private RunHistory? TryReadMetrics()
    {
        try
        {
            return File.Exists(MetricsFile) ? RunHistory.Read(MetricsFile) : null;
        }
        catch (CheckpointException)
        {
            return null;
        }
    }

    private string Refusal(RunState state) => state switch
    {
        RunState.Finished =>
            $"'{Folder}' holds a finished run. A new run is written to a folder of its own. "
            + "Choose another 'output', or replace that run with 'overwrite_output_dir' true.",
        RunState.Interrupted when Checkpoints.Latest() is { } latest =>
            $"'{Folder}' holds a run that was interrupted; its last checkpoint is step {latest.Step}. "
            + "Go on with it by 'resume_from_checkpoint' true, choose another 'output', or begin again with "
            + "'overwrite_output_dir' true.",
        RunState.Interrupted =>
            $"'{Folder}' holds a run that was interrupted before its first checkpoint. "
            + "Begin again with 'overwrite_output_dir' true, or choose another 'output'.",
        _ =>
            $"'{Folder}' holds files that no run wrote. A run is written to a new or an empty folder. "
            + "Choose another 'output'.",
    };

    private static void Remove(string path)
    {
        AtomicFolder.Delete(path);
        File.Delete(path);
    }

    private string In(string name) => Path.Combine(Folder, name);
}
