using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>
/// What the reference pass keeps: the tensors that autograd saves of a layer. It allocates as it goes, so this is an
/// estimate, where the optimized pass is counted.
/// </summary>
internal static class ReferenceMemory
{
    /// <summary>The reference recomputes all layers or none.</summary>
    public static PassBytes BytesFor(DecoderModel model, BatchShape batch, bool recomputes)
    {
        var element = NativeTypes.SizeOf(model.ComputeType);
        var (layers, first) = (model.Layers.Count, TrainedLayers.First(model));
        var trained = layers - Math.Min(first, layers - 1);
        var (layer, rows) = (Layer(model, batch.Tokens, element), LossHead.RowsAtOnce(model.Config.VocabularySize));
        var largest = model.LayerProjections.Max(projection => projection.Weight.Rows * projection.Weight.Columns);
        return new PassBytes
        {
            KeptActivations = recomputes
                ? (long)batch.Tokens * model.Config.HiddenSize * element * layers
                : layer * trained,
            RecomputedActivations = recomputes ? layer : 0,
            SharedBuffers = layer, // gradients of what one layer kept
            WeightAndLogits = Logits(model, Math.Min(rows, batch.Tokens), element) + largest * element,
            KeptFrom = recomputes ? layers : 0,
            RecomputedLayers = recomputes ? trained : 0,
            LogitRows = rows,
        };
    }

    /// <summary>Bytes of logits in the compute type and in float32, of their softmax and of both gradients.</summary>
    private static long Logits(DecoderModel model, int rows, int element) =>
        (long)rows * model.Config.VocabularySize * (2 * element + 3 * sizeof(float));

    /// <summary>
    /// Bytes of one layer's graph: of each norm, its input in float32 and its output; queries, keys, values and what
    /// attention computes of them, for each head and together; gate, its activation, up, and their product; masked
    /// inputs where there is dropout; two more outputs where the adapter is more than plain; trained weights in the
    /// compute type.
    /// </summary>
    private static long Layer(DecoderModel model, int tokens, int element)
    {
        var config = model.Config;
        var (queries, keys) = (
            (long)config.HeadCount * config.HeadSize, (long)config.KeyValueHeadCount * config.HeadSize);
        var norms = 2L * config.HiddenSize * (sizeof(float) + element);
        var rest = (5 * queries + 2 * keys + 4L * config.IntermediateSize) * element;
        var projections = model.Layers[^1].Projections.ToList();
        var masked = projections.Where(projection => projection.Lora is { Dropout: > 0 })
            .Sum(projection => projection.Weight.Columns);
        var variants = projections.Where(projection => projection.Lora is { IsPlain: false })
            .Sum(projection => 2 * projection.Weight.Rows);
        var copies = model.ComputeType == ScalarType.Float32
            ? 0
            : projections.Sum(projection => projection.TrainedWeight?.NumberOfElements ?? 0) * element;
        return (norms + rest + (masked + variants) * element) * tokens + copies;
    }
}
