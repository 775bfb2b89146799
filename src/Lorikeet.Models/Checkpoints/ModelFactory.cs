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
        Tensor Draw(Tensor place) =>
            KeyedRandom.Normal(place, deviation, CounterRandom.Hash(seed, RandomPurpose.Initialization, draws++));

        Tensor Normal(int rows, int columns)
        {
            using var drawn = Draw(empty([rows, columns], ScalarType.Float32, settings.Device));
            return drawn.to_type(settings.ComputeType);
        }

        // What is quantized is drawn and rounded in the same two places. With a block for each, of many sizes, freed
        // between others that stay, the heap of a CPU would come to be as large as the model unquantized.
        var widest = settings.Quantization.Kind == QuantizationKind.None ? 0
            : LayerTensors.Of(config).Max(tensor => tensor.Shape.Aggregate(1L, (product, size) => product * size));
        using var floats = empty(widest, ScalarType.Float32, settings.Device);
        using var rounded = empty(widest, settings.ComputeType, settings.Device);
        Tensor Passing(int rows, int columns)
        {
            using var drawn = Draw(floats.narrow(0, 0, (long)rows * columns));
            using var place = rounded.narrow(0, 0, (long)rows * columns);
            return place.copy_(drawn).view(rows, columns);
        }

        var index = 0;
        Projection Linear(string name, int rows, int columns, bool hasBias)
        {
            var form = TensorNames.IsLayerProjection(TensorNames.Weight(name))
                ? settings.Quantization
                : QuantizationSettings.None;
            var isKept = form.KindOf(name, rows, columns) == QuantizationKind.None;
            var drawn = isKept ? Normal(rows, columns) : Passing(rows, columns);
            return new(
                name, index++, form.Freeze(name, drawn, settings.ComputeType),
                hasBias ? Kept(zeros(rows, settings.ComputeType, settings.Device)) : null);
        }

        // What a norm multiplies by begins as one.
        Tensor One(int width) => config.NormWeighting == NormWeighting.OnePlusBeforeRounding
            ? zeros(width, settings.ComputeType, settings.Device)
            : ones(width, settings.ComputeType, settings.Device);
        RmsNorm Norm(string name, int width) =>
            RmsNorm.Of(config, name, Kept(One(width)));

        var embedding = Kept(Normal(config.VocabularySize, config.HiddenSize));
        var offload = LayerOffload.Create(
            settings.Device, config.LayerCount, settings.OffloadLayers, settings.Shards);
        var builder = new LayerBuilder(config, Linear, Norm);
        var layers = new DecoderLayer[config.LayerCount];
        for (var layer = 0; layer < layers.Length; layer++)
        {
            layers[layer] = builder.Build(layer);
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
