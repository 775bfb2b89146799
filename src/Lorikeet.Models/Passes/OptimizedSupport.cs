using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Lora.Variants;
using Lorikeet.Models.Native;
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
    public static string? WhyUnsupported(DecoderModel model)
    {
        if (WhyUnsupportedAnywhere(model) is { } reason)
            return reason;
        if (WhyNoAttention(model, model.Device) is { } difference)
            return difference;
        return HasKernels(model) ? null : $"{model.ComputeType} on {model.Device.type} has no kernels";
    }

    /// <summary>The same as far as the model alone decides it, whatever the device.</summary>
    public static string? WhyUnsupportedAnywhere(DecoderModel model)
    {
        if (PassSupport.WhyUnsupported(model) is { } reason)
            return reason;
        List<Projection> experts = [.. model.Layers.SelectMany(layer => layer.Experts?.Projections ?? [])];
        if (experts.Any(projection => projection.TrainedWeight is not null))
            return "experts are trained";
        if (experts.Any(projection => projection.Weight is Float8Weight))
            return "experts are stored in FP8";
        if (model.AllProjections.Any(projection => projection is { TrainedWeight: not null, Adapter: not null }))
            return "a weight is trained whole that has an adapter too";
        if (model.Layers.SelectMany(layer => new[] { layer.QueryNorm, layer.KeyNorm }).OfType<RmsNorm>()
            .Any(norm => norm.Weight.requires_grad))
            return "norms of queries and keys are trained";
        if (model.Layers.SelectMany(layer => PerProjection.Of(layer).All).Any(
            group => group.Select(IsFloat8).Distinct().Count() > 1))
            return "projections that share an input are only partly stored in FP8";
        if (model.AllProjections.Any(projection => projection is { Weight: Float8Weight, Adapter: DoraFactors }))
            return "DoRA needs the norms of weights, which are stored in FP8";
        if (model.Config.LogitDivisor != 1 && (model.Head.Bias is not null || model.Head.Adapter is BiasedFactors))
            return "logits are scaled after a bias was added";
        return model.Trainable.Count > 0 ? null : "nothing is trained";
    }

    private static bool IsFloat8(Projection projection) =>
        projection is { Weight: Float8Weight, TrainedWeight: null };

    /// <summary>
    /// Why a model without memory would not train on the optimized pass of a device that may not be here.
    /// </summary>
    public static string? WhyUnsupportedOn(DecoderModel outline, Device device)
    {
        if (WhyUnsupportedAnywhere(outline) is { } reason)
            return reason;
        if (WhyNoAttention(outline, device) is { } difference)
            return difference;
        var hasKernels = device.type == DeviceType.CUDA
            ? outline.ComputeType == ScalarType.BFloat16 && CudaDecoderKernels.Takes(AttentionShape.Of(outline.Config))
            : outline.ComputeType is ScalarType.BFloat16 or ScalarType.Float32;
        return hasKernels ? null : $"{outline.ComputeType} on {device.type} has no kernels";
    }

    /// <summary>What libtorch's attention on CUDA cannot do, neither cuDNN's nor flash.</summary>
    private static string? WhyNoAttention(DecoderModel model, Device device) =>
        device.type == DeviceType.CUDA && model.Config.AttentionSoftCap is not null
            ? "attention scores are capped, for which CUDA has no kernel"
            : null;

    /// <summary>The kernels for a model that is supported (<see cref="WhyUnsupported"/>).</summary>
    public static IDecoderKernels Kernels(DecoderModel model) => (model.Device.type, model.ComputeType) switch
    {
        (DeviceType.CUDA, _) => new CudaDecoderKernels(model.Config.NormEpsilon, model.Device),
        (_, ScalarType.Float32) => new CpuDecoderKernels<FloatElement>(model.Config.NormEpsilon),
        _ => new CpuDecoderKernels<BFloat16Element>(model.Config.NormEpsilon),
    };

    private static bool HasKernels(DecoderModel model) => (model.Device.type, model.ComputeType) switch
    {
        (DeviceType.CPU, ScalarType.Float32 or ScalarType.BFloat16) => true,
        (DeviceType.CUDA, ScalarType.BFloat16) => CudaDecoderKernels.Fit(AttentionShape.Of(model.Config), model.Device),
        _ => false,
    };

    /// <summary>The stand-ins for the kernels of a device, over a model without memory.</summary>
    /// <param name="outline">The model.</param>
    /// <param name="device">The device.</param>
    /// <param name="contextSize">Ranks that share each batch.</param>
    public static IDecoderKernels OutlineOf(DecoderModel outline, Device device, int contextSize = 1)
    {
        return new OutlineKernels((shape, batch) => contextSize == 1 ? OfHeads(shape, batch)
            : ContextKernels.BytesOf(shape, batch, contextSize, NativeTypes.SizeOf(outline.ComputeType), OfHeads));

        AttentionBytes OfHeads(AttentionShape shape, BatchShape batch) => (device.type, outline.ComputeType) switch
        {
            (DeviceType.CUDA, _) => CudaAttention.BytesOf(shape, batch),
            (_, ScalarType.Float32) => AttentionBackwardWork<FloatElement>.BytesOf(shape, batch),
            _ => AttentionBackwardWork<BFloat16Element>.BytesOf(shape, batch),
        };
    }
}
