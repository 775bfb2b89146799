using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using TorchSharp;

namespace Lorikeet.Models.Passes;

/// <summary>
/// Makes the forward and backward passes of a model: the optimized ones where they cover it, else the reference.
/// </summary>
public static class TrainingPasses
{
    /// <summary>Why the optimized pass cannot train a model, as the end of a sentence; null when it can.</summary>
    /// <param name="model">A model whose trainable parameters are settled.</param>
    public static string? WhyUnsupported(DecoderModel model) => OptimizedSupport.WhyUnsupported(model);

    /// <summary>
    /// The pass over a model whose trainable parameters are settled, each with a gradient (<see cref="Gradients"/>).
    /// </summary>
    /// <param name="model">The model; it stays the caller's and must outlive the pass.</param>
    /// <param name="options">How the pass runs.</param>
    /// <exception cref="ConfigurationException">
    /// Inputs of layers are to wait in host memory, but the model does not compute on CUDA.
    /// </exception>
    public static ITrainingPass Create(DecoderModel model, TrainingPassOptions options)
    {
        if (options.OffloadCheckpoints && model.Device.type != DeviceType.CUDA)
        {
            throw new ConfigurationException(
                $"activation_offloading is on, but the model computes on {model.Device}, whose memory is the host's. "
                + "Leave it out, or set device to cuda.");
        }

        var share = options.ContextRanks is { Size: > 1 } ranks ? new ContextShare(ranks) : null;
        _ = ContextShare.Heads(AttentionShape.Of(model.Config), share?.Size ?? 1);
        if (share is not null && options.NeftuneAlpha > 0)
            throw new ConfigurationException(
                "'neftune_noise_alpha' draws the noise of whole batches, and with 'context_parallel_size' no rank has "
                + "one. Leave one of them out.");
        // A norm over all heads of a token meets its tokens only on the reference, before they are exchanged for heads.
        var isDivisible = share is null || model.Config.QueryKeyNorm != QueryKeyNorm.WholeWidth;
        if (!options.Optimized || WhyUnsupported(model) is not null || !isDivisible)
            return new TrainingPass(
                model, options.Checkpointing == Checkpointing.Full, options.NeftuneAlpha, options.LayerDone, share);
        var kernels = OptimizedSupport.Kernels(model);
        return new OptimizedPass(
            model,
            share is null ? kernels : new ContextKernels(kernels, share, NativeTypes.SizeOf(model.ComputeType)),
            options.Checkpointing, options.NeftuneAlpha, offloadCheckpoints: options.OffloadCheckpoints,
            layerDone: options.LayerDone, share: share);
    }
}
