using Lorikeet.Formats;
using Lorikeet.Formats.Checkpoints;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Lora;

/// <summary>
/// An adapter on disk, as PEFT reads and writes it: <c>adapter_config.json</c> and <c>adapter_model.safetensors</c> (or
/// <c>adapter_model.bin</c>). The configuration is read once, when the folder is opened; the tensors when they are
/// asked for.
/// </summary>
public sealed class AdapterFolder
{
    /// <summary>Name of the file with the configuration.</summary>
    public const string ConfigFile = AdapterConfig.FileName;

    /// <summary>Name of the file with the tensors.</summary>
    public const string WeightsFile = "adapter_model.safetensors";

    /// <summary>Name of the file that tells that the base was a folder; only beside adapters of such bases.</summary>
    public const string BaseFile = AdapterBase.FileName;

    private const string OldWeightsFile = "adapter_model.bin";

    private AdapterFolder(string path, AdapterConfig config) => (Path, Config) = (path, config);

    /// <summary>The folder.</summary>
    public string Path { get; }

    /// <summary>The adapter's form.</summary>
    public LoraOptions Options => Config.Settings;

    /// <summary>The base that its configuration names: a folder or a hub id; null for none.</summary>
    public string? BaseModel => Config.BaseModel;

    /// <summary>What was read and left out of account; each says what it means.</summary>
    public IReadOnlyList<string> Warnings => Config.Warnings;

    private AdapterConfig Config { get; }

    /// <summary>Opens the folder of an adapter.</summary>
    /// <param name="path">The folder.</param>
    /// <exception cref="CheckpointException">
    /// Missing, damaged, not LoRA, or a variant that is not supported.
    /// </exception>
    public static AdapterFolder Open(string path) => new(path, AdapterConfig.Read(path));

    /// <summary>
    /// The base that it was trained on: a folder or file that is here, or a hub id; null when none is named.
    /// </summary>
    /// <exception cref="CheckpointException">It was a folder, and is not here.</exception>
    public string? FindBase() => AdapterBase.Find(this);

    /// <summary>The path.</summary>
    public override string ToString() => Path;

    /// <summary>Opens the tensors.</summary>
    internal ITensorSource OpenWeights() => OpenWeights(Path);

    /// <summary>Opens the adapter's tensors, which are few enough to be looked at at once.</summary>
    /// <exception cref="CheckpointException">
    /// There are none, the file is damaged, or a tensor is not finite.
    /// </exception>
    /// <param name="folder">The adapter's folder.</param>
    public static ITensorSource OpenWeights(string folder)
    {
        var path = new[] { WeightsFile, OldWeightsFile }.Select(name => System.IO.Path.Combine(folder, name))
            .FirstOrDefault(File.Exists)
            ?? throw new CheckpointException(
                $"'{System.IO.Path.Combine(folder, WeightsFile)}' was not found, nor {OldWeightsFile}. A PEFT " +
                "adapter folder was expected.");
        var tensors = new FiniteTensors(ModelWeights.OpenFile(path), "Adapter tensor");
        try
        {
            tensors.RequireAll();
            return tensors;
        }
        catch
        {
            tensors.Dispose();
            throw;
        }
    }

    /// <summary>Writes both files.</summary>
    internal static void Write(
        string folder, LoraOptions options, string? baseModel, IEnumerable<(string Name, Tensor Value)> tensors)
    {
        Directory.CreateDirectory(folder);
        AtomicFile.WriteText(
            System.IO.Path.Combine(folder, AdapterConfig.FileName), AdapterConfig.Write(options, baseModel));
        AdapterBase.Write(folder, baseModel);
        TensorFile.Write(System.IO.Path.Combine(folder, WeightsFile), tensors);
    }
}
