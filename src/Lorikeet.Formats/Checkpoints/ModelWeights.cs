using System.Runtime.ExceptionServices;
using Lorikeet.Formats.Json;
using Lorikeet.Formats.Pickle;
using Lorikeet.Formats.Safetensors;

namespace Lorikeet.Formats.Checkpoints;

/// <summary>
/// The weights of a Hugging Face model folder as one source: <c>model.safetensors</c>, or
/// <c>model.safetensors.index.json</c> with its shards, or the same of <c>pytorch_model.bin</c>, in this order.
/// </summary>
public sealed unsafe class ModelWeights : ITensorSource
{
    private readonly string _folder;
    private readonly List<ITensorSource> _files = [];
    private readonly Dictionary<string, ITensorSource> _owners = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TensorEntry> _tensors = new(StringComparer.Ordinal);

    private ModelWeights(string folder) => _folder = folder;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, TensorEntry> Tensors => _tensors;

    /// <summary>Opens the weights of a folder. A pickle is read, never executed.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="checks">Whether files with a checksum are read and held against it.</param>
    /// <exception cref="CheckpointException">There are none, a shard is missing, or a file is damaged.</exception>
    public static ModelWeights Open(string folder, bool checks = true)
    {
        var checkpoint = new ModelWeights(folder);
        try
        {
            checkpoint.OpenFiles();
            if (checks)
                checkpoint.RequireChecksums();
            return checkpoint;
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Opens one file of weights: PyTorch's pickle when its name ends in .bin, .pt or .pth, else safetensors.
    /// </summary>
    /// <exception cref="CheckpointException">
    /// The file is missing or damaged, or names code that weights do not need.
    /// </exception>
    public static ITensorSource OpenFile(string path) => Path.GetExtension(path) switch
    {
        ".bin" or ".pt" or ".pth" => TorchFile.OpenWeights(path),
        _ => Checked(SafetensorsFile.Open(path)),
    };

    /// <inheritdoc/>
    public byte* Pointer(string name) => Owner(name).Pointer(name);

    /// <inheritdoc/>
    public void Read(string name, long offset, long length, byte* target) =>
        Owner(name).Read(name, offset, length, target);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var file in _files)
            file.Dispose();
    }

    /// <summary>The folder.</summary>
    public override string ToString() => _folder;

    private static SafetensorsFile Checked(SafetensorsFile file)
    {
        try
        {
            file.RequireChecksum();
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private void RequireChecksums()
    {
        try
        {
            Parallel.ForEach(_files.OfType<SafetensorsFile>(), file => file.RequireChecksum());
        }
        catch (AggregateException faults)
        {
            ExceptionDispatchInfo.Throw(faults.InnerExceptions[0]);
        }
    }

    private static ITensorSource OpenUnchecked(string path) => Path.GetExtension(path) is ".bin"
        ? TorchFile.OpenWeights(path)
        : SafetensorsFile.Open(path);

    private void OpenFiles()
    {
        foreach (var name in (string[])["model.safetensors", "pytorch_model.bin"])
        {
            var path = Path.Combine(_folder, name);
            if (File.Exists(path))
            {
                var file = Add(OpenUnchecked(path));
                foreach (var tensor in file.Tensors.Keys)
                    Own(tensor, file);
                return;
            }

            if (File.Exists(path + ".index.json"))
            {
                OpenShards(path + ".index.json");
                return;
            }
        }

        throw new CheckpointException(
            $"'{_folder}' holds no weights. One of model.safetensors, model.safetensors.index.json, " +
            $"pytorch_model.bin and pytorch_model.bin.index.json was expected. {Present("*")} Check the path, or " +
            "download the model again.");
    }

    private void OpenShards(string indexPath)
    {
        var shardOfTensor = ReadIndex(indexPath);
        var shardNames = shardOfTensor.Values.Distinct().Order(StringComparer.Ordinal).ToList();
        var missing = shardNames.Where(name => !File.Exists(Path.Combine(_folder, name))).ToList();
        if (missing.Count > 0)
        {
            throw new CheckpointException(
                $"{missing.Count} of {shardNames.Count} shards named by '{indexPath}' are missing: " +
                $"{string.Join(", ", missing.Take(20))}. {Present("*" + Path.GetExtension(shardNames[0]))} Download " +
                "the missing files.");
        }

        var shards = shardNames.ToDictionary(name => name, name => Add(OpenUnchecked(Path.Combine(_folder, name))));
        foreach (var (tensor, shard) in shardOfTensor)
            Own(tensor, shards[shard]);
    }

    private static Dictionary<string, string> ReadIndex(string path)
    {
        var map = JsonSetting.Read(new JsonOrigin(path)
        {
            Advice = "An object 'weight_map' from tensor names to file names was expected. Download the file again.",
        })["weight_map"];
        var shards = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (tensor, shard) in map.Members())
        {
            var name = shard.AsString();
            if (name.Length == 0 || Path.GetFileName(name) != name || name.Contains('\0'))
                throw shard.Unexpected("the name of a file in the same folder");
            shards.Add(tensor, name);
        }

        return shards.Count > 0 ? shards : throw map.Unexpected("at least one tensor");
    }

    private ITensorSource Add(ITensorSource file)
    {
        _files.Add(file);
        return file;
    }

    private void Own(string tensor, ITensorSource file)
    {
        _tensors[tensor] = file.Require(tensor);
        _owners[tensor] = file;
    }

    private ITensorSource Owner(string name) => _owners.TryGetValue(name, out var file)
        ? file
        : throw TensorSources.MissingTensor(name, _tensors.Keys, _folder);

    private string Present(string pattern)
    {
        if (!Directory.Exists(_folder))
            return "The folder does not exist.";
        var names = Directory.EnumerateFiles(_folder, pattern).Select(Path.GetFileName).Order(StringComparer.Ordinal)
            .ToList();
        return names.Count == 0 ? "There are no such files." : $"Present: {string.Join(", ", names)}.";
    }
}
