using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Passes.Cpu;
using Lorikeet.Models.Passes.Decoding.Cpu;
using Lorikeet.Models.Passes.Decoding.Cuda;
using Lorikeet.Models.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Decoding;

/// <summary>What the optimized step covers; <see cref="ReferenceStep"/> covers the rest.</summary>
internal static class DecodingSupport
{
    /// <summary>A step of many sequences, or null where only the reference will do.</summary>
    /// <param name="model">The model; an adapter that is active is left out.</param>
    /// <param name="cache">The blocks of all sequences.</param>
    /// <param name="limits">How much a step reads at most.</param>
    public static BatchStep? Create(DecoderModel model, PagedCache cache, BatchLimits limits)
    {
        using var bare = model.WithoutAdapter();
        return WhyUnsupported(model) is null
            ? new BatchStep(model, cache, limits, BatchKernels(model, limits))
            : null;
    }

    /// <summary>
    /// Why a step of many sequences does not read with an adapter, as the end of a sentence; null when it does.
    /// </summary>
    public static string? WhyUnsupported(ModelAdapter adapter)
    {
        if (!adapter.HasOnlyProjections)
            return "the adapter trains more than linear layers";
        return adapter.Projections.All(pair => pair.Adapter is LoraFactors { IsPlain: true })
            ? null
            : "the adapter is more than plain LoRA";
    }

    /// <summary>
    /// Why the step does not cover a model as it is now, as the end of a sentence; null when it does.
    /// </summary>
    public static string? WhyUnsupported(DecoderModel model)
    {
        if (PassSupport.WhyUnsupported(model) is { } reason)
            return reason;
        if (model.AllProjections.Any(projection => projection.TrainedWeight is not null) || model.TrainsEmbedding)
            return "weights of the base are trained";
        if (WhyUnsupported(model.Config, model.Device) is { } difference)
            return difference;
        if (model.AllProjections.Any(
            projection => projection.Adapter is not null and not LoraFactors { IsPlain: true }))
            return "the adapter is more than plain LoRA";
        if (model.Config.Rope.DependsOnLength)
            return "the rotation changes with the length";
        if (model.Embedding.dtype != model.ComputeType)
            return "the embedding is not in the compute type";
        return HasKernels(model) ? null : $"{model.ComputeType} on {model.Device.type} has no kernels for its shapes";
    }

    /// <summary>The same as far as the shape decides it.</summary>
    private static string? WhyUnsupported(ModelConfig config, Device device)
    {
        if (config.AttentionSoftCap is not null)
            return "it caps attention scores";
        if (config.Experts is not null)
            return "it is a mixture of experts";
        var isPartial = Enumerable.Range(0, config.LayerCount)
            .Any(layer => AttentionShape.Of(config, layer).RotarySize != config.HeadSize);
        return isPartial && device.type == DeviceType.CUDA ? "it rotates a part of its heads" : null;
    }

    /// <summary>The kernels of a step of many sequences.</summary>
    private static IBatchKernels BatchKernels(DecoderModel model, BatchLimits limits) =>
        model.Device.type == DeviceType.CUDA
        ? new CudaBatchKernels(AttentionShape.Of(model.Config), limits, model.Device, records: true)
        : BatchOnCpu(model, VectorPaths.Best);

    /// <summary>The kernels of the CPU for a step of many sequences.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">How codes are looked up.</param>
    public static IBatchKernels BatchOnCpu(DecoderModel model, VectorPath path)
    {
        var (shape, widest) = (AttentionShape.Of(model.Config), WidestOf(model));
        return model.ComputeType == ScalarType.Float32
            ? new CpuBatchKernels<FloatElement>(shape, widest, model.PromptType, path)
            : new CpuBatchKernels<BFloat16Element>(shape, widest, model.PromptType, path);
    }

    private static int WidestOf(DecoderModel model) =>
        (int)model.AllProjections.Max(projection => projection.Weight.Columns);

    private static bool HasKernels(DecoderModel model) => (model.Device.type, model.ComputeType) switch
    {
        (DeviceType.CUDA, ScalarType.BFloat16) => CudaBatchKernels.Fit(model, AttentionShape.Of(model.Config)),
        (DeviceType.CPU, ScalarType.Float32 or ScalarType.BFloat16) =>
            model.Layers.SelectMany(layer => PerProjection.Of(layer).All).Append([model.Head])
                .All(group => FitCpu(group, model.ComputeType)),
        _ => false,
    };

    /// <summary>Whether projections are all stored in the compute type, or all quantized alike.</summary>
    private static bool FitCpu(IReadOnlyList<Projection> group, ScalarType type) => group[0].Weight switch
    {
        DenseWeight => group.All(projection =>
            projection.Weight is DenseWeight { Value: var value } && value.dtype == type && value.is_contiguous()),
        FourBitWeight first => group.All(projection => projection.Weight is FourBitWeight other
            && (other.ElementType, other.BlockSize) == (first.ElementType, first.BlockSize)),
        _ => false,
    };
}
