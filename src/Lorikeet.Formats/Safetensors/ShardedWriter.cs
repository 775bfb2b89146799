using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lorikeet.Formats.Safetensors;

/// <summary>Writes the weights of a model folder, in shards when they are large, as transformers does.</summary>
public static class ShardedWriter
{
    /// <summary>
    /// Writes <c>model.safetensors</c>, or <c>model-00001-of-0000N.safetensors</c> ... and, last of all,
    /// <c>model.safetensors.index.json</c>.
    /// </summary>
    /// <param name="folder">The folder, usually a new one.</param>
    /// <param name="tensors">The tensors in the model's order, which decides who shares a shard.</param>
    /// <param name="maxShardBytes">
    /// Largest sum of tensor bytes in a shard; the default of 5 GB is that of transformers. A larger tensor gets a
    /// shard of its own.
    /// </param>
    /// <param name="withChecksum">Whether each shard carries its checksum.</param>
    public static void Write(
        string folder, IEnumerable<TensorToWrite> tensors, long maxShardBytes = 5_000_000_000, bool withChecksum = true)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxShardBytes);
        var shards = Split(tensors, maxShardBytes);
        if (shards.Count == 1)
        {
            SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), shards[0], withChecksum: withChecksum);
            return;
        }

        var shardOfTensor = new SortedDictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < shards.Count; i++)
        {
            var name = $"model-{i + 1:D5}-of-{shards.Count:D5}.safetensors";
            SafetensorsWriter.Write(Path.Combine(folder, name), shards[i], withChecksum: withChecksum);
            foreach (var tensor in shards[i])
                shardOfTensor.Add(tensor.Name, name);
        }

        var index = new JsonObject
        {
            ["metadata"] = new JsonObject
            {
                ["total_size"] = shards.Sum(
                shard => shard.Sum(tensor => tensor.ByteCount))
            },
            ["weight_map"] = new JsonObject(shardOfTensor.Select(
                pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value))),
        };
        var json = index.ToJsonString(new JsonSerializerOptions { WriteIndented = true, NewLine = "\n" });
        AtomicFile.WriteText(Path.Combine(folder, "model.safetensors.index.json"), json + "\n");
    }

    private static List<List<TensorToWrite>> Split(IEnumerable<TensorToWrite> tensors, long maxShardBytes)
    {
        var shards = new List<List<TensorToWrite>>();
        var current = new List<TensorToWrite>();
        var currentBytes = 0L;
        foreach (var tensor in tensors)
        {
            if (tensor.ByteCount > maxShardBytes)
            {
                shards.Add([tensor]);
                continue;
            }

            if (currentBytes + tensor.ByteCount > maxShardBytes)
            {
                shards.Add(current);
                (current, currentBytes) = ([], 0);
            }

            current.Add(tensor);
            currentBytes += tensor.ByteCount;
        }

        if (current.Count > 0 || shards.Count == 0)
            shards.Add(current);
        return shards;
    }
}
