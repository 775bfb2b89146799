using Lorikeet.Configuration;
using Lorikeet.Formats;
using Lorikeet.Runs;
using Lorikeet.Training;
using Lorikeet.Training.Loop;
using Lorikeet.Training.Loop.HuggingFaceTrainer;

namespace Lorikeet.Jobs;

/// <summary>A run's folder, kept to this run: what may begin in it, and which checkpoint it goes on from.</summary>
/// <remarks>
/// A folder that exists is locked at once; another is made, and locked, by <see cref="Open"/>, when all that is read
/// has been read: a mistake in what is read leaves no folder behind and removes none.
/// </remarks>
internal sealed class RunFolderClaim : IDisposable
{
    private readonly OutputOptions _output;
    private FolderLock? _lock;

    /// <summary>Refuses a folder that the run may not begin in; nothing is changed.</summary>
    /// <exception cref="ConfigurationException">It holds another run or files of no run, or is in use.</exception>
    public RunFolderClaim(OutputOptions output)
    {
        _output = output;
        Folder = new RunFolder(output.OutputDir!);
        Require();
        if (Directory.Exists(Folder.Folder))
            _lock = Folder.Lock();
    }

    /// <summary>Where the files of the run lie.</summary>
    public RunFolder Folder { get; }

    /// <summary>Makes the folder ready and writes run.yaml.</summary>
    /// <param name="resolved">The options of the run.</param>
    public void Open(ResolvedOptions resolved)
    {
        Directory.CreateDirectory(Folder.Folder);
        _lock ??= Folder.Lock();
        // The folder may have been made, and filled, while this run was reading.
        if (GoesOn)
            Folder.RequireResumable(_output.Overwrite);
        else
            Folder.Begin(_output.Overwrite);
        if (!File.Exists(Folder.OptionsFile))
            AtomicFile.WriteText(Folder.OptionsFile, ToKeep(resolved).ToYaml());
    }

    /// <summary>The checkpoint to go on from; null to begin at the first step.</summary>
    /// <param name="warn">Called with which checkpoints are damaged.</param>
    /// <exception cref="CheckpointException">There are checkpoints, and all are damaged.</exception>
    public string? Checkpoint(Action<string> warn) => _output.ResumeFromCheckpoint switch
    {
        null => null,
        "latest" or "true" => NewestWhole(warn),
        var folder => folder,
    };

    /// <summary>Releases the folder.</summary>
    public void Dispose() => _lock?.Dispose();

    /// <summary>
    /// Whether the folder is to be empty: a checkpoint of transformers goes on in a folder of its own.
    /// </summary>
    private bool BeginsAnew =>
        _output.ResumeFromCheckpoint is not { } resumed || HuggingFaceCheckpoint.Locate(resumed) is not null;

    /// <summary>Whether a run goes on in the folder of its checkpoints.</summary>
    private bool GoesOn => !BeginsAnew && (_output.ResumeFromCheckpoint is "latest" or "true"
        || RunSettings.RunOf(Path.GetFullPath(_output.ResumeFromCheckpoint!)) == Folder.Folder);

    private void Require()
    {
        if (GoesOn)
            Folder.RequireResumable(_output.Overwrite);
        else
            Folder.RequireFree(_output.Overwrite);
    }

    /// <summary>What run.yaml keeps: orders about what was there before would be wrong the next time.</summary>
    private static ResolvedOptions ToKeep(ResolvedOptions resolved) => resolved.With(resolved.Options with
    {
        Output = resolved.Options.Output with { Overwrite = false, ResumeFromCheckpoint = null },
    });

    /// <summary>The newest checkpoint that is not damaged; null when there is none at all.</summary>
    private string? NewestWhole(Action<string> warn)
    {
        string? newest = null;
        foreach (var checkpoint in Folder.Checkpoints.All().Reverse())
        {
            if (TrainingCheckpoint.Damage(checkpoint.Folder) is not { } damage)
                return checkpoint.Folder;
            warn($"The checkpoint of step {checkpoint.Step} is passed over: {damage}.");
            newest ??= damage;
        }

        return newest is null ? null : throw new CheckpointException(
            $"No checkpoint of '{Folder.Folder}' is whole; of the newest, {newest}. Begin again with " +
            "overwrite_output_dir true.");
    }
}
