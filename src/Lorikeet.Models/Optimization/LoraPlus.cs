using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;

namespace Lorikeet.Models.Optimization;

/// <summary>LoRA+ (arXiv 2402.12354): lora_B, and every vector, learns at a multiple of the rate.</summary>
/// <remarks>Reference: peft <c>optimizers/loraplus.py</c>; its group for embeddings is never filled.</remarks>
public static class LoraPlus
{
    /// <summary>The parameters with the rates that the options ask for; the same ones without LoRA+.</summary>
    /// <param name="parameters">What is trained.</param>
    /// <param name="options">
    /// The ratio of the rates (loraplus_lr_ratio), the learning rate, and that of embeddings.
    /// </param>
    public static IReadOnlyList<Parameter> Group(IReadOnlyList<Parameter> parameters, OptimizationOptions options) =>
        options.LoraPlusRatio is { } ratio
            ? [.. parameters.Select(parameter => parameter with { RateFactor = Factor(parameter, ratio, options) })]
            : parameters;

    private static double Factor(Parameter parameter, double ratio, OptimizationOptions options)
    {
        if (parameter.Value.ndim == 1 || parameter.Name.Contains(AdapterNames.B, StringComparison.Ordinal))
            return ratio;
        var isOfEmbedding = parameter.Name.EndsWith(AdapterNames.EmbeddingA, StringComparison.Ordinal)
            || parameter.Name.EndsWith(AdapterNames.EmbeddingB, StringComparison.Ordinal);
        return isOfEmbedding && options is { LoraPlusEmbeddingRate: { } rate, LearningRate: > 0 }
            ? rate / options.LearningRate
            : 1;
    }
}
