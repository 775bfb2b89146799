using Lorikeet.Runs;
using Lorikeet.Studio.Texts;

namespace Lorikeet.Studio.Views;

/// <summary>What of a run can be asked: its result, and the checkpoints that are kept.</summary>
internal static class RunWeights
{
    private const string AdapterFile = "adapter_config.json";

    /// <summary>Labels and folders, the result first, then the newest.</summary>
    public static IReadOnlyList<(string Label, string Folder)> Of(RunFolder run, Words words) =>
    [
        .. File.Exists(Path.Combine(run.AdapterFolder, AdapterFile))
            ? ((string, string)[])[(words["Result"], run.AdapterFolder)] : [],
        .. run.Checkpoints.All().Reverse().Where(saved => File.Exists(Path.Combine(saved.Folder, AdapterFile)))
            .Select(saved => (words.Format("AtStep", saved.Step), saved.Folder)),
    ];
}
