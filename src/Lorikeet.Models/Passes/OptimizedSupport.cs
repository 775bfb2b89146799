using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Passes.Cpu;
using Lorikeet.Models.Passes.Cuda;
using Lorikeet.Models.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>What the optimized pass covers. Everything else trains on the reference, which covers all.</summary>
internal static class OptimizedSupport
{
    /// <summary>Why a model cannot train on the optimized pass, as the end of a sentence; null when it can.</summary>
    public static string? Obstacle(DecoderModel model)
    {
        if (ObstacleOnAnyDevice(model) is { } obstacle)
            return obstacle;
        return HasKernels(model) ? null : $"{model.ComputeType} on {model.Device.type} has no kernels";
    }

    /// <summary>The same as far as the model alone decides it.</summary>
    public static string? ObstacleOnAnyDevice(DecoderModel model)
    {
        List<Projection> all = [.. model.LayerProjections.Append(model.Head)];
        if (all.Any(projection => projection.TrainedWeight is not null) || model.TrainsEmbedding)
            return "weights of the base are trained";
        if (all.Any(projection => projection.Lora is { IsPlain: false }))
            return "the adapter is more than plain LoRA";
        if (all.Any(projection => projection.Bias is { requires_grad: true }))
            return "biases are trained";
        if (model.Layers.SelectMany(layer => layer.Norms).Append(model.FinalNorm).Any(norm => norm.Weight.requires_grad))
            return "norms are trained";
        if (model.Head.Lora is not null)
            return "the head has an adapter";
        if (!model.LayerProjections.Any(projection => projection.Lora is not null))
            return "no layer has an adapter";
        if (model.Config.QueryKeyNorm)
            return "the model normalises queries and keys";
        return all.Any(projection => projection.Weight is EightBitWeight) ? "the base is stored in 8 bits" : null;
    }

    /// <summary>The kernels for a model that meets no <see cref="Obstacle"/>.</summary>
    public static IDecoderKernels Kernels(DecoderModel model) => (model.Device.type, model.ComputeType) switch
    {
        (DeviceType.CUDA, _) => new CudaDecoderKernels(ShapeOf(model), model.Config.NormEpsilon, model.Device),
        (_, ScalarType.Float32) => new CpuDecoderKernels<FloatElement>(ShapeOf(model), model.Config.NormEpsilon),
        _ => new CpuDecoderKernels<BFloat16Element>(ShapeOf(model), model.Config.NormEpsilon),
    };

    private static bool HasKernels(DecoderModel model) => (model.Device.type, model.ComputeType) switch
    {
        (DeviceType.CPU, ScalarType.Float32 or ScalarType.BFloat16) => true,
        (DeviceType.CUDA, ScalarType.BFloat16) => CudaDecoderKernels.Fit(ShapeOf(model), model.Device),
        _ => false,
    };

    private static AttentionShape ShapeOf(DecoderModel model) => new(
        model.Config.HeadCount, model.Config.KeyValueHeadCount, model.Config.HeadSize, model.Config.SlidingWindow);
}
