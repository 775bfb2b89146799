using System.Globalization;
using Lorikeet.Formats;

namespace Lorikeet.Training;

/// <summary>The state of a run after a step, as a checkpoint folder on disk.</summary>
/// <param name="Step">Optimizer steps done when it was made.</param>
/// <param name="Folder">Its folder, as a full path.</param>
public sealed record SavedStep(int Step, string Folder);

/// <summary>The checkpoints of a run: <c>checkpoints/step-000100/</c> and so on.</summary>
/// <remarks>
/// A checkpoint is written under another name and renamed when it is complete, so a folder that has this name is
/// whole. Removal renames first for the same reason.
/// </remarks>
/// <param name="folder">The folder that holds them; it need not exist.</param>
public sealed class CheckpointFolders(string folder)
{
    private const string Prefix = "step-";

    // What is being written or removed has a hidden name; other hidden folders are not touched.
    private const string Unfinished = "." + Prefix + "*";

    /// <summary>The folder that holds the checkpoints.</summary>
    public string Folder { get; } = Path.GetFullPath(folder);

    /// <summary>The folder for the checkpoint of a step; nothing is created.</summary>
    public string ForStep(int step) => Path.Combine(Folder, $"{Prefix}{step:D6}");

    /// <summary>The complete checkpoints, oldest first.</summary>
    public IReadOnlyList<SavedStep> All()
    {
        if (!Directory.Exists(Folder))
            return [];
        return [.. Directory.EnumerateDirectories(Folder, Prefix + "*")
            .Select(path => (Path: path, Step: StepOf(Path.GetFileName(path))))
            .Where(found => found.Step is not null)
            .Select(found => new SavedStep(found.Step!.Value, found.Path))
            .OrderBy(checkpoint => checkpoint.Step)];
    }

    /// <summary>The newest checkpoint, or null when there is none.</summary>
    public SavedStep? Latest() => All() is [.., var newest] ? newest : null;

    /// <summary>
    /// Removes the oldest checkpoints until <paramref name="limit"/> are left, and what an interrupted save or removal
    /// left behind. The newest and the best always stay, as with transformers, so at a limit of one there may be two.
    /// </summary>
    /// <param name="limit">How many to keep (<c>save_total_limit</c>); null keeps all.</param>
    /// <param name="bestStep">The step of the best checkpoint, when it is to be kept.</param>
    public void Retain(int? limit, int? bestStep = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit ?? 1, 1);
        var all = All();
        var surplus = all.SkipLast(1)
            .Where(checkpoint => checkpoint.Step != bestStep)
            .Take(all.Count - (limit ?? all.Count));
        foreach (var checkpoint in surplus)
            AtomicFolder.Delete(checkpoint.Folder);
        if (Directory.Exists(Folder))
            Sweep();
    }

    private void Sweep()
    {
        foreach (var unfinished in Directory.GetDirectories(Folder, Unfinished))
            Directory.Delete(unfinished, recursive: true);
    }

    private static int? StepOf(string name) =>
        int.TryParse(name.AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var step)
            ? step
            : null;
}
