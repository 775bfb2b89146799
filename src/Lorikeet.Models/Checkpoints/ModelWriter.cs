using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Decoder;
using static TorchSharp.torch;

namespace Lorikeet.Models.Checkpoints;

/// <summary>Writes a whole model as a Hugging Face folder: config.json and sharded safetensors.</summary>
public static class ModelWriter
{
    /// <summary>Writes weights and configuration; adapters must be merged before.</summary>
    /// <param name="model">The model.</param>
    /// <param name="folder">Where to; created when missing.</param>
    /// <param name="type">Type of the stored weights.</param>
    /// <param name="maxShardBytes">Largest shard.</param>
    /// <exception cref="InvalidOperationException">An adapter is active.</exception>
    public static void Save(DecoderModel model, string folder, ScalarType type, long maxShardBytes = 5_000_000_000)
    {
        if (model.LayerProjections.Append(model.Head).Any(projection => projection.Adapter is not null))
            throw new InvalidOperationException("The model carries an adapter; merge it first.");
        Directory.CreateDirectory(folder);
        using var quiet = no_grad();
        ShardedWriter.Write(folder, Tensors(model, type), maxShardBytes);
        var config = model.Config.Source.DeepClone().AsObject();
        ModelFiles.SetType(config, type);
        config.Remove("quantization_config");
        ModelFiles.WriteConfig(folder, config);
    }

    private static IEnumerable<TensorToWrite> Tensors(DecoderModel model, ScalarType type)
    {
        yield return ModelFiles.Deferred(
            TensorNames.Weight(TensorNames.Embedding), type, model.Embedding.shape, () => model.Embedding.alias());
        foreach (var layer in model.Layers)
        {
            foreach (var projection in layer.Projections)
            {
                yield return Matrix(projection, type);
                if (projection.Bias is { } bias)
                    yield return ModelFiles.Deferred(
                        TensorNames.Bias(projection.Name), type, bias.shape, () => bias.alias());
            }

            foreach (var norm in layer.Norms)
                yield return ModelFiles.Deferred(
                    TensorNames.Weight(norm.Name), type, norm.Weight.shape, () => norm.Weight.alias());
        }

        yield return ModelFiles.Deferred(
            TensorNames.Weight(TensorNames.FinalNorm), type, model.FinalNorm.Weight.shape, () =>
                model.FinalNorm.Weight.alias());
        if (!model.Config.TiedEmbeddings)
            yield return Matrix(model.Head, type);
    }

    private static TensorToWrite Matrix(Projection projection, ScalarType type) => ModelFiles.Deferred(
        TensorNames.Weight(projection.Name), type, [projection.Weight.Rows, projection.Weight.Columns],
        () => projection.TrainedWeight?.alias() ?? projection.Weight.Materialize(type));
}
