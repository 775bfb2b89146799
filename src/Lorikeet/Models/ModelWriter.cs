using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Formats;
using Lorikeet.Formats.Safetensors;
using Lorikeet.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models;

/// <summary>Writes a whole model as a Hugging Face folder: config.json and sharded safetensors.</summary>
internal static unsafe class ModelWriter
{
    /// <summary>Writes weights and configuration; adapters must be merged before.</summary>
    /// <param name="model">The model.</param>
    /// <param name="folder">Where to; created when missing.</param>
    /// <param name="type">Type of the stored weights.</param>
    /// <param name="maxShardBytes">Largest shard.</param>
    public static void Save(DecoderModel model, string folder, ScalarType type, long maxShardBytes = 5_000_000_000)
    {
        if (model.LayerProjections.Append(model.Head).Any(projection => projection.Lora is not null))
            throw new InvalidOperationException("The model carries an adapter; merge it first.");
        Directory.CreateDirectory(folder);
        using var quiet = no_grad();
        ShardedWriter.Write(folder, Tensors(model, type), maxShardBytes);
        var config = model.Config.Source.DeepClone().AsObject();
        config["dtype"] = TypeName(type);
        config.Remove("quantization_config");
        AtomicFile.WriteText(
            Path.Combine(folder, "config.json"), config.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n");
    }

    private static IEnumerable<TensorToWrite> Tensors(DecoderModel model, ScalarType type)
    {
        yield return ToWrite(TensorNames.Weight(TensorNames.Embedding), () => model.Embedding.alias(), model.Embedding.shape, type);
        foreach (var layer in model.Layers)
        {
            foreach (var projection in layer.Projections)
            {
                yield return Matrix(projection, type);
                if (projection.Bias is { } bias) yield return ToWrite(TensorNames.Bias(projection.Name), () => bias.alias(), bias.shape, type);
            }

            foreach (var norm in layer.Norms)
                yield return ToWrite(TensorNames.Weight(norm.Name), () => norm.Weight.alias(), norm.Weight.shape, type);
        }

        yield return ToWrite(TensorNames.Weight(TensorNames.FinalNorm), () => model.FinalNorm.Weight.alias(), model.FinalNorm.Weight.shape, type);
        if (!model.Config.TiedEmbeddings) yield return Matrix(model.Head, type);
    }

    private static TensorToWrite Matrix(Projection projection, ScalarType type) => ToWrite(
        TensorNames.Weight(projection.Name), () => projection.TrainedWeight?.alias() ?? projection.Weight.Materialize(type),
        [projection.Weight.Rows, projection.Weight.Columns], type);

    /// <summary>Converts only when the tensor's turn comes, so that one tensor at a time is in memory.</summary>
    private static TensorToWrite ToWrite(string name, Func<Tensor> value, long[] shape, ScalarType type) =>
        new(name, TensorMemory.ToStored(type), shape, stream =>
        {
            using var scope = NewDisposeScope();
            using var quiet = no_grad();
            var local = value().detach().to_type(type).cpu().contiguous();
            TensorToWrite.FromPointer(name, TensorMemory.ToStored(type), shape, TensorMemory.Pointer(local)).Write(stream);
        });

    private static string TypeName(ScalarType type) => type.ToString().ToLowerInvariant();
}
