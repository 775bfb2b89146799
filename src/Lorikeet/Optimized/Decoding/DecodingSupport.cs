using Lorikeet.Models;
using Lorikeet.Optimized.Decoding.Cuda;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Optimized.Decoding;

/// <summary>What the optimized step covers; <see cref="DecoderModel.Decode"/> covers the rest.</summary>
internal static class DecodingSupport
{
    /// <summary>A step over <paramref name="cache"/>, or null where only the reference will do.</summary>
    public static DecodingStep? Create(DecoderModel model, KeyValueCache cache) =>
        Covers(model) && Kernels(model, cache, records: true) is { } kernels ? new DecodingStep(model, cache, kernels) : null;

    /// <summary>The kernels for a model's device and compute type, or null.</summary>
    /// <param name="model">The model.</param>
    /// <param name="cache">Its cache, prompts read.</param>
    /// <param name="records">Whether work may be recorded once and played back.</param>
    public static IDecodingKernels? Kernels(DecoderModel model, KeyValueCache cache, bool records)
    {
        var config = model.Config;
        var shape = new AttentionShape(config.HeadCount, config.KeyValueHeadCount, config.HeadSize, config.SlidingWindow);
        return model.Device.type == DeviceType.CUDA && model.ComputeType == ScalarType.BFloat16
            && CudaDecodingKernels.Fit(model, shape, cache.Rows)
                ? new CudaDecodingKernels(shape, cache.Rows, cache.Capacity, model.Device, records)
                : null;
    }

    /// <summary>Projections of a layer that are one product.</summary>
    public static IReadOnlyList<Projection>[] Groups(DecoderLayer layer) =>
        [[layer.Query, layer.Key, layer.Value], [layer.Output], [layer.Gate, layer.Up], [layer.Down]];

    private static bool Covers(DecoderModel model) =>
        model.Device.type == DeviceType.CUDA && !model.TrainsEmbedding && model.Embedding.dtype == model.ComputeType
        && !model.Config.QueryKeyNorm && model.Config.Rope.Scaling != RopeScaling.Dynamic
        && model.LayerProjections.Append(model.Head).All(projection =>
            projection.TrainedWeight is null && projection.Lora is null or { Enabled: false } or { IsPlain: true });
}
