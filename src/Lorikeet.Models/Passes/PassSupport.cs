using Lorikeet.Models.Decoder;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Models.Passes;

/// <summary>What no optimized path covers, neither of training nor of decoding.</summary>
internal static class PassSupport
{
    /// <summary>
    /// Why only the reference runs a model, as the end of a sentence; null where the paths decide for themselves.
    /// </summary>
    public static string? WhyUnsupported(DecoderModel model)
    {
        List<Projection> all = [.. model.LayerProjections.Append(model.Head)];
        if (all.Any(projection => projection.TrainedWeight is not null) || model.TrainsEmbedding)
            return "weights of the base are trained";
        if (WhyUnsupported(model.Config) is { } reason)
            return reason;
        return all.Any(projection => projection.Weight is EightBitWeight) ? "the base is stored in 8 bits" : null;
    }

    /// <summary>The same as far as the shape decides it.</summary>
    public static string? WhyUnsupported(ModelConfig config)
    {
        if (config.QueryKeyNorm == QueryKeyNorm.WholeWidth)
            return "the model normalises all queries and keys of a token together";
        if (config.NormPlacement != NormPlacement.Before)
            return "norms stand after its blocks";
        if (config.NormWeighting != NormWeighting.AfterRounding)
            return "its norms are weighted otherwise";
        if (config.Activation != GateActivation.Silu)
            return "the activation of its gates is not SiLU";
        if (config.FusedProjections)
            return "its projections are stored fused";
        if (Math.Abs(config.AttentionScale * Math.Sqrt(config.HeadSize) - 1) > 1e-6)
            return "it scales attention otherwise";
        if (config.AttentionSoftCap is not null || config.LogitSoftCap is not null)
            return "it caps attention scores or logits";
        if (config.EmbeddingScale != 1 || config.ResidualScale != 1 || config.LogitDivisor != 1)
            return "it scales embeddings, residuals or logits";
        if (config.RotarySize != config.HeadSize)
            return "it rotates a part of each head";
        if (config.Layers is not null)
            return "its layers are unlike each other";
        return config.Experts is null ? null : "it is a mixture of experts";
    }
}
