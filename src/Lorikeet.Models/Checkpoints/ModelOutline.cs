using Lorikeet.Formats.Safetensors;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Checkpoints;

/// <summary>
/// A model on libtorch's device <c>meta</c>, whose tensors have a shape, a type and no memory: adapters attach to it
/// and optimizers prepare for it as for any other, so that what they will take can be added up before it is taken.
/// </summary>
public static class ModelOutline
{
    /// <summary>The outline of the model that these options would load; the caller disposes it.</summary>
    /// <param name="config">The model's shape.</param>
    /// <param name="options">Compute type, and how many layers wait in the host's memory.</param>
    /// <param name="quantization">How projections are stored that the checkpoint holds dense.</param>
    /// <param name="stored">Headers of the checkpoint; null for a shape without one.</param>
    /// <param name="device">Where the model would be; it need not be here.</param>
    /// <param name="ranks">Processes among which <see cref="ModelOptions.ShardBase"/> divides the layers.</param>
    /// <exception cref="ConfigurationException">
    /// The device cannot compute in that type, or layers cannot be offloaded.
    /// </exception>
    public static DecoderModel Create(
        ModelConfig config, ModelOptions options, QuantizationOptions quantization, ITensorSource? stored,
        Device device, int ranks = 1)
    {
        var type = NativeTypes.Resolve(options.TorchDtype, config.StoredType, device);
        if (options.AttentionImplementation == AttentionImplementation.Sdpa)
            config = config with { AttentionSoftCap = null };
        var outline = Create(config, type, QuantizationSettings.From(quantization), stored);
        Offload(outline, device, options.OffloadLayers);
        if (options.ShardBase && ranks > 1)
            Shard(outline, ranks);
        return outline;
    }

    /// <summary>The outline of what <see cref="ModelLoader"/> would load.</summary>
    /// <param name="config">The model's shape.</param>
    /// <param name="type">Compute type.</param>
    /// <param name="quantization">How projections are stored that the checkpoint holds dense.</param>
    /// <param name="stored">Headers of the checkpoint; null for a shape without one.</param>
    internal static DecoderModel Create(
        ModelConfig config, ScalarType type, QuantizationSettings quantization, ITensorSource? stored)
    {
        using var quiet = no_grad();
        var index = 0;
        Projection Linear(string name, int rows, int columns, bool hasBias)
        {
            var given = Stored(stored, name, rows, columns);
            quantization.RequireNotStored(name, given);
            return new(
                name, index++, given ?? Frozen(FormOf(name, rows, columns), rows, columns),
                hasBias ? Empty(type, rows) : null);
        }

        QuantizationKind FormOf(string name, int rows, int columns) =>
            TensorNames.IsLayerProjection(TensorNames.Weight(name))
                ? quantization.KindOf(name, rows, columns)
                : QuantizationKind.None;
        FrozenWeight Frozen(QuantizationKind kind, int rows, int columns) => kind switch
        {
            QuantizationKind.None => new DenseWeight(Empty(type, rows, columns)),
            QuantizationKind.Int8 => EightBit(rows, columns),
            QuantizationKind.Fp8 => Float8(rows, columns),
            _ => FourBit(rows, columns, (rows * (long)columns + Block - 1) / Block, quantization.DoubleQuantization),
        };
        RmsNorm Norm(string name, int width) => RmsNorm.Of(config, name, Empty(type, width));

        var embedding = Empty(type, config.VocabularySize, config.HiddenSize);
        var builder = new LayerBuilder(config, Linear, Norm);
        DecoderLayer[] layers = [.. Enumerable.Range(0, config.LayerCount).Select(builder.Build)];
        var head = new DenseWeight(config.TiedEmbeddings
            ? embedding.alias().DetachFromDisposeScope()
            : Empty(type, config.VocabularySize, config.HiddenSize));
        return new DecoderModel(config, type, META, new ModelParts(
            embedding, layers, Norm(TensorNames.FinalNorm, config.HiddenSize),
            new Projection(TensorNames.Head, index, head)));
    }

    /// <summary>
    /// Has the weights of some layers wait in the host's memory, as <see cref="LayerOffload"/> chooses them.
    /// </summary>
    /// <param name="model">An outline.</param>
    /// <param name="device">Where it will run.</param>
    /// <param name="layers">How many layers.</param>
    internal static void Offload(DecoderModel model, Device device, int layers)
    {
        if (layers == 0)
            return;
        using var offload = new LayerOffload(device, model.Layers.Count, layers);
        foreach (var projection in model.Layers.Where(layer => offload.Includes(layer.Index))
            .SelectMany(layer => layer.Projections))
            projection.Weight = new OffloadedWeight(projection.Weight, () => { });
    }

    /// <summary>Divides the weights of all layers among ranks.</summary>
    /// <param name="model">An outline.</param>
    /// <param name="ranks">How many.</param>
    internal static void Shard(DecoderModel model, int ranks)
    {
        foreach (var projection in model.LayerProjections)
            projection.Weight = new OffloadedWeight(projection.Weight, () => { }, ranks);
    }

    /// <summary>
    /// Bytes of a model's frozen weights: what the device holds, its part of divided layers and two slots for layers
    /// that take turns included, and what waits on the host.
    /// </summary>
    /// <param name="model">A model, with memory or without.</param>
    public static (long Device, long Host) WeightBytes(DecoderModel model)
    {
        var layers = model.Layers
            .Select(
            layer => layer.Projections.Select(projection => projection.Weight).OfType<OffloadedWeight>().ToArray())
            .ToArray();
        OffloadedWeight[] elsewhere = [.. layers.SelectMany(weights => weights)];
        var slots = LayerOffload.Slots * layers.Max(weights => weights.Sum(weight => weight.ByteCount));
        var parts = elsewhere.Where(weight => weight.Parts > 0).Sum(weight => weight.ByteCount / weight.Parts);
        return (
            BytesOf(model) - elsewhere.Sum(weight => weight.ByteCount) + slots + parts,
            elsewhere.Where(weight => weight.Parts == 0).Sum(weight => weight.ByteCount));
    }

    /// <summary>Bytes of frozen weights of which each rank holds a part, all ranks together.</summary>
    /// <param name="model">A model, with memory or without.</param>
    public static long DividedBytes(DecoderModel model) => model.LayerProjections
        .Select(projection => projection.Weight).OfType<OffloadedWeight>()
        .Where(weight => weight.Parts > 0).Sum(weight => weight.ByteCount);

    /// <summary>Bytes of a model's frozen parts, wherever they are; a tied head is its embedding.</summary>
    internal static long BytesOf(DecoderModel model) =>
        model.LayerProjections.Sum(projection => projection.Weight.ByteCount + BytesOf(projection.Bias))
        + (model.Config.TiedEmbeddings ? 0 : model.Head.Weight.ByteCount)
        + BytesOf(model.Embedding)
        + model.Layers.SelectMany(layer => layer.Norms).Append(model.FinalNorm).Sum(norm => BytesOf(norm.Weight));

    /// <summary>Bytes of a tensor; none for null.</summary>
    internal static long BytesOf(Tensor? tensor) => tensor is null ? 0 : tensor.NumberOfElements * tensor.ElementSize;

    private static long Block => FourBitWeight.DefaultBlockSize;

    /// <summary>A weight that the checkpoint holds quantized, as <see cref="StoredQuantization"/> reads it.</summary>
    private static FrozenWeight? Stored(ITensorSource? source, string module, int rows, int columns)
    {
        if (source is null)
            return null;
        var name = TensorNames.Weight(module);
        if (source.Tensors.GetValueOrDefault(name)?.Type == SafetensorsType.I8)
            return EightBit(rows, columns);
        return source.Tensors.TryGetValue(name + ".absmax", out var scales)
            ? FourBit(rows, columns, scales.ElementCount, source.Tensors.ContainsKey(name + ".nested_absmax"))
            : null;
    }

    private static EightBitWeight EightBit(int rows, int columns) =>
        new(Empty(ScalarType.Int8, rows, columns), Empty(ScalarType.Float32, rows));

    private static Float8Weight Float8(int rows, int columns) =>
        new(new Float8Rows(Empty(ScalarType.Byte, rows, columns), Empty(ScalarType.Float32, rows)));

    private static FourBitWeight FourBit(int rows, int columns, long blocks, bool isNested)
    {
        BlockScales scales = isNested
            ? new NestedScales(
                Empty(ScalarType.Byte, blocks), Empty(ScalarType.Float32, DynamicMap.Signed.Length),
                Empty(ScalarType.Float32, (blocks + BlockScales.Granularity - 1) / BlockScales.Granularity), offset: 0)
            : new PlainScales(Empty(ScalarType.Float32, blocks));
        var packed = Empty(ScalarType.Byte, (rows * (long)columns + 1) / 2, 1);
        return new FourBitWeight(
            FourBitType.Nf4, (int)Block, rows, columns, packed, scales, ScalarType.BFloat16);
    }

    private static Tensor Empty(ScalarType type, params long[] shape) =>
        empty(shape, type, META).DetachFromDisposeScope();
}
