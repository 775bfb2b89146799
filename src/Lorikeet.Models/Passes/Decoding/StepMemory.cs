using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes.Cpu;
using Lorikeet.Models.Passes.Decoding.Cpu;
using Lorikeet.Models.Passes.Decoding.Cuda;
using Lorikeet.Models.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Decoding;

/// <summary>
/// Memory that steps take beside weights and cache, on the model's device, counted before anything is allocated.
/// </summary>
internal static class StepMemory
{
    /// <summary>Rows up to which a GPU is given fuller steps than there are sequences; see its kernels.</summary>
    private const int RowsOfPadding = 32;

    /// <summary>Bytes at most.</summary>
    /// <param name="model">The model.</param>
    /// <param name="limits">How much a step reads at most.</param>
    /// <param name="scored">Logits that a step has at most beside one of each sequence.</param>
    public static long Of(DecoderModel model, BatchLimits limits, int scored)
    {
        var (config, onCpu) = (model.Config, model.Device.type == DeviceType.CPU);
        var element = NativeTypes.SizeOf(model.ComputeType);
        var sequences = onCpu ? limits.Sequences : limits.Sequences + RowsOfPadding;
        var rows = (long)Math.Max(limits.Tokens, sequences);
        var qkv = (config.HeadCount + 2L * config.KeyValueHeadCount) * config.HeadSize;
        var widths = 3L * config.HiddenSize + qkv + (long)config.HeadCount * config.HeadSize + config.IntermediateSize;
        if (!model.Layers.All(BatchStep.GatesAtOnce))
            widths += 2L * config.IntermediateSize;
        var rotations = model.Layers.Select(layer => config.Layer(layer.Index).Rope).Distinct().Count();
        var buffers = rows * widths * element + 2L * rotations * limits.Length * config.HeadSize * element;
        var state = 8L * (7 * rows + (limits.Sequences + 1L) * (limits.Blocks + 1));
        var logits = (2L * sequences + scored) * config.VocabularySize * sizeof(float);
        return buffers + state + logits + (onCpu ? OfCpu(model, rows, logits) : OfGpu(model, rows));
    }

    /// <summary>
    /// Rows that are arranged, decoded tiles of weights, their products; logits once more to be changed.
    /// </summary>
    private static long OfCpu(DecoderModel model, long rows, long logits)
    {
        var widest = model.AllProjections.Max(projection => projection.Weight.Columns);
        var gemm = NativeTypes.SizeOf(model.PromptType);
        var tile = model.AllProjections.Max(projection =>
            WeightTiles.RowsOf(projection.Weight) is var step ? Math.Min(step, projection.Weight.Rows) : 0);
        var tiles = Math.Max(WeightTiles.Elements, tile * widest) + rows * (widest + 2 * tile);
        var each = 2L * Environment.ProcessorCount * model.Config.VocabularySize * sizeof(float);
        return CpuBatchRoom<FloatElement>.InputBytes((int)widest) + tiles * gemm + logits + each;
    }

    /// <summary>The largest weight decoded, its product, and keys and values of sequences side by side.</summary>
    private static long OfGpu(DecoderModel model, long rows)
    {
        var config = model.Config;
        var weight = model.AllProjections.Where(projection => projection.Weight is FourBitWeight)
            .Select(projection => projection.Weight.Rows * projection.Weight.Columns).DefaultIfEmpty().Max();
        var gathered = 2L * Math.Max(config.MaxPositions, PagedAttentionKernels.MostGathered)
            * config.KeyValueHeadCount * config.HeadSize;
        return 2 * (weight + rows * 3L * config.IntermediateSize + gathered);
    }
}
