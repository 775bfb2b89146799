using Lorikeet.Data.Prompts;
using Lorikeet.Formats;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;

namespace Lorikeet.Jobs;

/// <summary>
/// Writes what a run trained. The folder appears whole: a full disk or a process that dies leaves the one before, or
/// none.
/// </summary>
internal static class ResultFolder
{
    /// <summary>Writes the adapter, its prompt format and its tokenizer.</summary>
    /// <param name="folder">The adapter's folder; what others put there stays.</param>
    /// <param name="adapter">The adapter.</param>
    /// <param name="asPlain">Whether an adapter whose base gave up a part is written as plain LoRA.</param>
    /// <param name="baseModel">What adapter_config.json names as its base.</param>
    /// <param name="baseFolder">Where the base lies.</param>
    /// <param name="format">How rows were written as text.</param>
    public static void WriteAdapter(
        string folder, Adapter adapter, bool asPlain, string baseModel, string baseFolder, PromptFormat format) =>
        Write(folder, temporary =>
        {
            adapter.Save(temporary, baseModel, asPlain);
            format.Save(temporary);
            ModelFolder.Open(baseFolder).CopyTokenizer(temporary);
        });

    /// <summary>Writes the model, its prompt format, and what lies beside the weights of the base.</summary>
    /// <param name="folder">The model's folder; what others put there stays.</param>
    /// <param name="model">The model.</param>
    /// <param name="baseFolder">Where the base lies.</param>
    /// <param name="format">How rows were written as text.</param>
    public static void WriteModel(string folder, DecoderModel model, string baseFolder, PromptFormat format) =>
        Write(folder, temporary =>
        {
            ModelWriter.Save(model, temporary, model.ComputeType);
            ModelFolder.Open(baseFolder).CopyCompanions(temporary);
            format.Save(temporary);
        });

    /// <summary>Copies what a run wrote to another place, where it replaces what was promoted before.</summary>
    /// <param name="result">The folder of what was trained.</param>
    /// <param name="folder">Where to.</param>
    public static void Promote(string result, string folder) => AtomicFolder.Write(folder, temporary =>
    {
        foreach (var file in Directory.EnumerateFiles(result, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(temporary, Path.GetRelativePath(result, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    });

    private static void Write(string folder, Action<string> write) => AtomicFolder.Write(folder, temporary =>
    {
        write(temporary);
        KeepOthers(folder, temporary);
    });

    /// <summary>A run that is resumed replaces what it wrote before, and nothing that others put beside it.</summary>
    private static void KeepOthers(string folder, string temporary)
    {
        if (!Directory.Exists(folder))
            return;
        foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
        {
            var kept = Path.Combine(temporary, Path.GetRelativePath(folder, file));
            if (File.Exists(kept))
                continue;
            Directory.CreateDirectory(Path.GetDirectoryName(kept)!);
            File.Copy(file, kept);
        }
    }
}
