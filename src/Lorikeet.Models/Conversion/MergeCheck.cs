using System.Text.Json;
using System.Text.Json.Serialization;
using Lorikeet.Formats.Json;
using static TorchSharp.torch;

namespace Lorikeet.Models.Conversion;

/// <summary>
/// How far a model that was written is from the one it was made of, over the predictions of next tokens after some
/// prompts: a merged model from its base with the active adapter, an exported one from the original.
/// </summary>
/// <param name="Prompts">Prompts read.</param>
/// <param name="Positions">Next-token distributions compared.</param>
/// <param name="MaxDifference">Largest absolute difference of two logits.</param>
/// <param name="MeanDifference">Mean absolute difference of the logits.</param>
/// <param name="MeanKl">Mean Kullback-Leibler divergence of the merged model from the unmerged, in nats.</param>
/// <param name="Top1Agreement">Share of positions where both prefer the same token.</param>
/// <param name="MaxDifferenceAllowed">What <paramref name="MaxDifference"/> may be in this type.</param>
/// <param name="MeanKlAllowed">What <paramref name="MeanKl"/> may be in this type.</param>
public sealed record MergeCheck(
    int Prompts, int Positions, double MaxDifference, double MeanDifference, double MeanKl, double Top1Agreement,
    double MaxDifferenceAllowed, double MeanKlAllowed)
{
    private static readonly JsonSerializerOptions s_format = new(JsonFormats.IndentedSnakeCase)
    {
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals, // of a model that computes NaN
    };

    // One logit of many may stray where a value lies between two that rounding can reach; a model that is another one
    // strays everywhere. So the largest difference decides alone only where the others do not speak against it.
    private const double ClearlyEqual = 0.1;

    /// <summary>Whether the two are one model up to rounding.</summary>
    public bool Passed => MeanKl <= MeanKlAllowed
        && (MaxDifference <= MaxDifferenceAllowed
            || (MeanKl <= ClearlyEqual * MeanKlAllowed && MeanDifference <= ClearlyEqual * MaxDifferenceAllowed
                && MaxDifference <= MaxDifferenceAllowed / ClearlyEqual));

    /// <summary>Compares logits, float32 [positions, vocabulary] for each prompt.</summary>
    /// <param name="unmerged">Base with the adapter active.</param>
    /// <param name="merged">The merged model.</param>
    /// <param name="coarsest">The coarsest type that either stored weights or activations were rounded to.</param>
    internal static MergeCheck Compare(
        IReadOnlyList<Tensor> unmerged, IReadOnlyList<Tensor> merged, ScalarType coarsest)
    {
        // Logits err in proportion to their size; eight or so roundings of 2^-8 meet in a bfloat16 model.
        var (relative, kl) = coarsest switch
        {
            ScalarType.Float32 => (1e-4, 1e-6),
            ScalarType.Float16 => (1e-2, 1e-3),
            _ => (5e-2, 2e-2),
        };
        return Compare(unmerged, merged, relative, kl);
    }

    /// <summary>Compares logits, float32 [positions, vocabulary] for each prompt.</summary>
    /// <param name="unmerged">The model as it was.</param>
    /// <param name="merged">The model as it was written.</param>
    /// <param name="relative">Largest difference allowed, in parts of the largest logit or of 1.</param>
    /// <param name="kl">Largest mean divergence allowed, in nats.</param>
    internal static MergeCheck Compare(
        IReadOnlyList<Tensor> unmerged, IReadOnlyList<Tensor> merged, double relative, double kl)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var (expected, actual) = (cat([.. unmerged], 0), cat([.. merged], 0));
        var difference = (expected - actual).abs();
        var (p, q) =
            (nn.functional.log_softmax(expected.to_type(ScalarType.Float64), 1),
                nn.functional.log_softmax(actual.to_type(ScalarType.Float64), 1));
        var divergence = (p.exp() * (p - q)).sum(1).mean().item<double>();
        var agreement = expected.argmax(1).eq(actual.argmax(1)).to_type(ScalarType.Float64).mean().item<double>();
        var largest = Math.Max(1, expected.abs().max().item<float>());
        return new MergeCheck(
            unmerged.Count, (int)expected.shape[0], difference.max().item<float>(), difference.mean().item<float>(),
            Math.Max(0, divergence), agreement, relative * largest, kl);
    }

    /// <summary>The figures as indented JSON, with names in snake_case.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, s_format);
}
