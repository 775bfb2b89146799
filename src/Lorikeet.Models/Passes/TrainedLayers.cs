using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Passes;

/// <summary>Which layers have a backward pass: the lowest one in which anything is trained, and all above it.</summary>
internal static class TrainedLayers
{
    /// <summary>The lowest of them; the number of layers where only what lies above is trained.</summary>
    public static int First(DecoderModel model) =>
        model.TrainsEmbedding ? 0 : model.Layers.TakeWhile(layer => !IsTrained(layer)).Count();

    private static bool IsTrained(DecoderLayer layer) =>
        layer.Projections.Any(projection => projection.Adapter is not null || projection.TrainedWeight is not null
            || projection.Bias is { requires_grad: true })
        || layer.Norms.Any(norm => norm.Weight.requires_grad);
}
