using Lorikeet.Models;
using Lorikeet.Optimized.Cpu;
using Lorikeet.Optimized.Cuda;
using Lorikeet.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Optimized;

/// <summary>What the optimized pass covers. Everything else trains on the reference, which covers all.</summary>
internal static class OptimizedSupport
{
    /// <summary>Why a model cannot train on the optimized pass, as the end of a sentence; null when it can.</summary>
    public static string? Obstacle(DecoderModel model)
    {
        List<Projection> all = [.. model.LayerProjections.Append(model.Head)];
        if (all.Any(projection => projection.TrainedWeight is not null) || model.Embedding.requires_grad)
            return "weights of the base are trained";
        if (all.Any(projection => projection.Bias is { requires_grad: true })) return "biases are trained";
        if (model.Layers.SelectMany(layer => layer.Norms).Append(model.FinalNorm).Any(norm => norm.Weight.requires_grad))
            return "norms are trained";
        if (model.Head.Lora is not null) return "the head has an adapter";
        if (!model.LayerProjections.Any(projection => projection.Lora is not null)) return "no layer has an adapter";
        if (model.Config.QueryKeyNorm) return "the model normalises queries and keys";
        if (all.Any(projection => projection.Weight is EightBitWeight)) return "the base is stored in 8 bits";
        return Kernels(model) is null ? $"{model.ComputeType} on {model.Device.type} has no kernels" : null;
    }

    /// <summary>The kernels for a model's device and compute type, or null.</summary>
    public static IDecoderKernels? Kernels(DecoderModel model)
    {
        var config = model.Config;
        var shape = new AttentionShape(config.HeadCount, config.KeyValueHeadCount, config.HeadSize, config.SlidingWindow);
        return (model.Device.type, model.ComputeType) switch
        {
            (DeviceType.CPU, ScalarType.Float32) => new CpuDecoderKernels<FloatElement>(shape, config.NormEpsilon),
            (DeviceType.CPU, ScalarType.BFloat16) => new CpuDecoderKernels<BFloat16Element>(shape, config.NormEpsilon),
            (DeviceType.CUDA, ScalarType.BFloat16) when CudaDecoderKernels.Fit(shape, model.Device) =>
                new CudaDecoderKernels(shape, config.NormEpsilon, model.Device),
            _ => null,
        };
    }
}
