using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Lorikeet.Formats;
using Lorikeet.Formats.Checkpoints;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Hub;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Lora;

/// <summary>
/// An adapter on disk, as PEFT reads and writes it: <c>adapter_config.json</c> and <c>adapter_model.safetensors</c> (or
/// <c>adapter_model.bin</c>). The configuration is read once, when the folder is opened; the tensors when they are
/// asked for.
/// </summary>
/// <remarks>
/// <c>adapter_config.json</c> has one key for a base that is a folder and for one on the hub, and a moved adapter's
/// <c>models/tiny</c> might be a stranger's repository. So that the base was a folder is written beside it, with a hash
/// that distinguishes the folder from another of its name.
/// </remarks>
public sealed class AdapterFolder
{
    /// <summary>Name of the file with the configuration.</summary>
    public const string ConfigFile = AdapterConfig.FileName;

    /// <summary>Name of the file with the tensors.</summary>
    public const string WeightsFile = "adapter_model.safetensors";

    /// <summary>Name of the file that tells that the base was a folder; only beside adapters of such bases.</summary>
    public const string BaseFile = "base_model.json";

    private const string OldWeightsFile = "adapter_model.bin";

    // What distinguishes two checkpoints without reading all of them.
    private const int Sample = 1 << 16;

    private static readonly string[] s_baseWeights = [".safetensors", ".bin", ".gguf"];

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
    public string? FindBase()
    {
        if (string.IsNullOrEmpty(BaseModel))
            return null;
        var record = System.IO.Path.Combine(Path, BaseFile);
        if (System.IO.Path.Exists(BaseModel))
        {
            if (File.Exists(record) && !WholeFile.ReadText(record).Contains(Hash(BaseModel), StringComparison.Ordinal))
            {
                ModelSource.Note(
                    $"'{Path}' was trained on '{BaseModel}' when that held other weights. Its answers may be worthless "
                    + "now; name the base it was trained on as 'model'.");
            }
            return BaseModel;
        }

        if (!File.Exists(record) && HubClient.IsId(BaseModel))
            return BaseModel;
        throw new CheckpointException(
            $"'{Path}' was trained on the local folder '{BaseModel}', which is not below "
            + $"{Environment.CurrentDirectory}. Name it as 'model'.");
    }

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
        var tensors = new FiniteTensors(
            TextPart.OfAdapter(ModelWeights.OpenFile(path), AdapterNames.Prefix), "Adapter tensor");
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

    /// <summary>Writes the configuration, the tensors, and whether the base is a folder or file here.</summary>
    internal static void Write(
        string folder, LoraOptions options, string? baseModel, IEnumerable<(string Name, Tensor Value)> tensors)
    {
        Directory.CreateDirectory(folder);
        AtomicFile.WriteText(
            System.IO.Path.Combine(folder, ConfigFile), AdapterConfig.Write(options, baseModel));
        WriteBase(folder, baseModel);
        TensorFile.Write(System.IO.Path.Combine(folder, WeightsFile), tensors);
    }

    private static void WriteBase(string folder, string? baseModel)
    {
        var path = System.IO.Path.Combine(folder, BaseFile);
        if (baseModel is not null && System.IO.Path.Exists(baseModel))
            AtomicFile.WriteText(
                path, new JsonObject { ["local"] = true, ["sha256"] = Hash(baseModel) }.ToJsonString() + "\n");
        else
            File.Delete(path);
    }

    private static string Hash(string baseModel)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        IEnumerable<string> files = File.Exists(baseModel)
            ? [baseModel]
            : Directory.EnumerateFiles(baseModel)
                .Where(file => s_baseWeights.Contains(System.IO.Path.GetExtension(file)))
                .Order(StringComparer.Ordinal);
        var buffer = new byte[Sample];
        foreach (var file in files)
        {
            if (WholeFile.IsEmpty(file))
                continue;
            using var stream = File.OpenRead(file);
            hash.AppendData(Encoding.UTF8.GetBytes($"{System.IO.Path.GetFileName(file)} {stream.Length}\n"));
            hash.AppendData(buffer, 0, stream.ReadAtLeast(buffer, Sample, throwOnEndOfStream: false));
            stream.Position = Math.Max(0, stream.Length - Sample);
            hash.AppendData(buffer, 0, stream.ReadAtLeast(buffer, Sample, throwOnEndOfStream: false));
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
