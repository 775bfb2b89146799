using System.Text.Json.Nodes;
using Lorikeet.Formats;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Checkpoints.Families;
using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Benchmarks;

/// <summary>
/// A checkpoint of a shape, with random weights, in a temporary folder that goes when this is disposed.
/// </summary>
internal sealed class RandomCheckpoint : IDisposable
{
    private const int BlockValues = 1 << 23;
    private const int Period = 8191; // a prime, so that tensors begin at unlike places of the block
    private const double Deviation = 0.02;

    private readonly CancellationToken _cancellation;
    private readonly TemporaryPlace _place;
    private readonly byte[] _block;
    private int _written;

    /// <summary>Writes it: bfloat16 in shards of 5 GB, as transformers does.</summary>
    public RandomCheckpoint(ModelConfig config, CancellationToken cancellation)
    {
        _cancellation = cancellation;
        _place = TemporaryPlace.ForFolder(Path.Combine(Path.GetTempPath(), "lorikeet-bench"));
        _block = RandomBlock();
        try
        {
            ShardedWriter.Write(Folder, Shapes(config).Select(tensor => new TensorToWrite(
                tensor.Name, SafetensorsType.BF16, tensor.Shape,
                stream => Fill(stream, 2 * tensor.Shape.Aggregate(1L, (product, size) => product * size)))));
            ModelFiles.WriteConfig(Folder, Configuration(config));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public string Folder => _place.Location;

    public void Dispose() => _place.Dispose();

    private static IEnumerable<(string Name, long[] Shape)> Shapes(ModelConfig config)
    {
        long hidden = config.HiddenSize, vocabulary = config.VocabularySize;
        yield return (TensorNames.Weight(TensorNames.Embedding), [vocabulary, hidden]);
        foreach (var tensor in LayerTensors.Of(config))
            yield return tensor;
        yield return (TensorNames.Weight(TensorNames.FinalNorm), [hidden]);
        if (!config.TiedEmbeddings)
            yield return (TensorNames.Weight(TensorNames.Head), [vocabulary, hidden]);
    }

    /// <summary>Normal numbers in bfloat16.</summary>
    private static byte[] RandomBlock()
    {
        var block = new byte[2 * BlockValues];
        for (var i = 0; i < BlockValues; i++)
        {
            var radius = Deviation * Math.Sqrt(-2 * Math.Log(1 - Uniform(i, 0)));
            var bits = BitConverter.SingleToUInt32Bits((float)(radius * Math.Cos(2 * Math.PI * Uniform(i, 1))));
            (block[2 * i], block[2 * i + 1]) = ((byte)(bits >> 16), (byte)(bits >> 24));
        }

        return block;

        static double Uniform(int value, ulong which) =>
            CounterRandom.Uniform(1, RandomPurpose.Benchmark, (ulong)value, which);
    }

    private void Fill(Stream stream, long bytes)
    {
        _cancellation.ThrowIfCancellationRequested();
        var start = 2 * Period * _written++ % _block.Length;
        for (long done = 0, count; done < bytes; done += count, start = 0)
        {
            count = Math.Min(_block.Length - start, bytes - done);
            stream.Write(_block, start, (int)count);
        }
    }

    private static JsonObject Configuration(ModelConfig config)
    {
        var source = config.Source.DeepClone().AsObject();
        source["architectures"] = new JsonArray(ModelFamilies.Of(config).Architecture);
        source["dtype"] = "bfloat16";
        return source;
    }
}
