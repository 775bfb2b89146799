using Lorikeet.Formats;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Checkpoints;

/// <summary>Makes models with random weights: the start of pre-training, and shapes to measure.</summary>
internal static class ModelFactory
{
    /// <summary>A model whose matrices are normal with the given deviation and whose norms are one.</summary>
    /// <param name="config">The shape.</param>
    /// <param name="settings">Compute type, device and how projections are stored.</param>
    /// <param name="seed">Decides every weight, on one kind of device.</param>
    /// <param name="deviation">Standard deviation (Hugging Face's <c>initializer_range</c>).</param>
    public static DecoderModel Create(ModelConfig config, LoadSettings settings, ulong seed, double deviation = 0.02)
    {
        using var quiet = no_grad();
        var draws = 0UL;
        Tensor Normal(params long[] shape)
        {
            var key = CounterRandom.Hash(seed, RandomPurpose.Initialization, draws++);
            using var drawn = KeyedRandom.Normal(empty(shape, ScalarType.Float32, settings.Device), deviation, key);
            return drawn.to_type(settings.ComputeType);
        }

        var index = 0;
        Projection Linear(string name, int rows, int columns, bool hasBias) => new(
            name, index++, settings.Quantization.Freeze(name, Normal(rows, columns), settings.ComputeType),
            hasBias ? Kept(zeros(rows, settings.ComputeType, settings.Device)) : null);
        RmsNorm Norm(string name, int width) =>
            new(name, Kept(ones(width, settings.ComputeType, settings.Device)), config.NormEpsilon);

        var embedding = Kept(Normal(config.VocabularySize, config.HiddenSize));
        var offload = settings.OffloadLayers > 0
            ? new LayerOffload(settings.Device, config.LayerCount, settings.OffloadLayers)
            : null;
        var layers = new DecoderLayer[config.LayerCount];
        for (var layer = 0; layer < layers.Length; layer++)
        {
            layers[layer] = DecoderLayer.Build(config, layer, Linear, Norm);
            offload?.Offload(layers[layer]);
        }

        var head = new DenseWeight(Kept(config.TiedEmbeddings
            ? embedding.alias()
            : Normal(config.VocabularySize, config.HiddenSize)));
        var parts = new ModelParts(
            embedding, layers, Norm(TensorNames.FinalNorm, config.HiddenSize),
            new Projection(TensorNames.Head, index, head));
        return new DecoderModel(config, settings.ComputeType, settings.Device, parts) { Offload = offload };
    }

    private static Tensor Kept(Tensor tensor) => tensor.DetachFromDisposeScope();
}
