using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Lorikeet.Formats;
using Lorikeet.Hub;
using Lorikeet.Models.Checkpoints;

namespace Lorikeet.Models.Lora;

/// <summary>
/// Where an adapter's base is. <c>adapter_config.json</c> has one key for a folder and for a hub id, and a moved
/// adapter's <c>models/tiny</c> might be a stranger's repository; so that the base was a folder is written beside it,
/// with a hash that distinguishes the folder from another of its name.
/// </summary>
internal static class AdapterBase
{
    /// <summary>Written beside an adapter whose base is local, and only then.</summary>
    public const string FileName = "base_model.json";

    // What distinguishes two checkpoints without reading all of them.
    private const int Sample = 1 << 16;

    private static readonly string[] Weights = [".safetensors", ".bin", ".gguf"];

    /// <summary>Writes down whether a base is a folder or file of this machine.</summary>
    public static void Write(string adapter, string? baseModel)
    {
        var path = Path.Combine(adapter, FileName);
        if (baseModel is not null && Path.Exists(baseModel))
            AtomicFile.WriteText(
                path, new JsonObject { ["local"] = true, ["sha256"] = Hash(baseModel) }.ToJsonString() + "\n");
        else
            File.Delete(path);
    }

    /// <summary>
    /// The base that an adapter was trained on: a folder or file that is here, or a hub id; null for none.
    /// </summary>
    /// <exception cref="CheckpointException">It was a folder, and is not here.</exception>
    public static string? Find(AdapterFolder folder)
    {
        var (adapter, name) = (folder.Path, folder.BaseModel);
        if (string.IsNullOrEmpty(name))
            return null;
        var record = Path.Combine(adapter, FileName);
        if (Path.Exists(name))
        {
            if (File.Exists(record) && !File.ReadAllText(record).Contains(Hash(name), StringComparison.Ordinal))
            {
                ModelSource.Note(
                    $"'{adapter}' was trained on '{name}' when that held other weights. Its answers may be worthless "
                    + "now; name the base it was trained on as 'model'.");
            }
            return name;
        }
        if (!File.Exists(record) && HubClient.IsId(name))
            return name;
        throw new CheckpointException(
            $"'{adapter}' was trained on the local folder '{name}', which is not below {Environment.CurrentDirectory}. "
            + "Name it as 'model'.");
    }

    private static string Hash(string baseModel)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        IEnumerable<string> files = File.Exists(baseModel)
            ? [baseModel]
            : Directory.EnumerateFiles(baseModel).Where(file => Weights.Contains(Path.GetExtension(file)))
                .Order(StringComparer.Ordinal);
        var buffer = new byte[Sample];
        foreach (var file in files)
        {
            using var stream = File.OpenRead(file);
            hash.AppendData(Encoding.UTF8.GetBytes($"{Path.GetFileName(file)} {stream.Length}\n"));
            hash.AppendData(buffer, 0, stream.ReadAtLeast(buffer, Sample, throwOnEndOfStream: false));
            stream.Position = Math.Max(0, stream.Length - Sample);
            hash.AppendData(buffer, 0, stream.ReadAtLeast(buffer, Sample, throwOnEndOfStream: false));
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
