// Several adapters as one, with weights w:  W' = W + Σ w s B A
//
//     cat     A' = [w s A; ...], B' = [B, ...]            exact; the rank is the sum of the ranks
//     linear  A' = Σ √(w s) A,   B' = Σ √(w s) B          small, but A of one meets B of another
//     svd     the best of a rank for Σ w s (s B A)        PEFT counts the scale twice, and so does this
//
// The result has scale 1. Reference: peft tuners/lora/model.py, add_weighted_adapter.
using Lorikeet.Options;
using static TorchSharp.torch;

namespace Lorikeet.Lora;

/// <summary>How adapters are combined (PEFT's <c>combination_type</c>).</summary>
public enum CombinationKind
{
    /// <summary>Side by side: exactly the weighted sum; the rank is the sum of the ranks.</summary>
    [WireName("cat")] Concatenated,

    /// <summary>Sums of the factors, as PEFT's linear; equal ranks and positive weights.</summary>
    Linear,

    /// <summary>The weighted sum cut to a rank by its singular values.</summary>
    [WireName("svd")] SingularValues,
}

/// <summary>One adapter's pair on a module, and its weight in a combination.</summary>
/// <param name="A">[rank, in].</param>
/// <param name="B">[out, rank].</param>
/// <param name="Scale">s.</param>
/// <param name="Weight">w.</param>
internal sealed record WeightedPair(Tensor A, Tensor B, double Scale, double Weight);

/// <summary>Combines the pairs that several adapters have on one module.</summary>
internal static class AdapterCombination
{
    /// <summary>The combined pair, of scale 1.</summary>
    /// <param name="pairs">At least one.</param>
    /// <param name="kind">How.</param>
    /// <param name="rank">Rank of the result; smaller results are filled with zeros.</param>
    /// <param name="module">For errors.</param>
    /// <exception cref="ConfigurationException">The pairs cannot be combined in this way.</exception>
    public static (Tensor A, Tensor B) Combine(
        IReadOnlyList<WeightedPair> pairs, CombinationKind kind, int rank, string module)
    {
        var (a, b) = kind switch
        {
            CombinationKind.Concatenated => Concatenate(pairs),
            CombinationKind.Linear => Sum(pairs, module),
            _ => Decompose(pairs, rank),
        };
        var missing = rank - a.shape[0];
        if (missing <= 0) return (a.contiguous(), b.contiguous());
        var (rows, columns) = (zeros([missing, a.shape[1]], device: a.device), zeros([b.shape[0], missing], device: b.device));
        return (cat([a, rows], 0), cat([b, columns], 1));
    }

    private static (Tensor A, Tensor B) Concatenate(IReadOnlyList<WeightedPair> pairs) =>
        (cat([.. pairs.Select(pair => pair.A * (pair.Weight * pair.Scale))], 0), cat([.. pairs.Select(pair => pair.B)], 1));

    private static (Tensor A, Tensor B) Sum(IReadOnlyList<WeightedPair> pairs, string module)
    {
        if (pairs.Select(pair => pair.A.shape[0]).Distinct().Count() > 1)
        {
            throw new ConfigurationException(
                $"The adapters have ranks {string.Join(", ", pairs.Select(pair => pair.A.shape[0]))} on '{module}'. " +
                "Equal ranks were expected for combination_type linear. Choose cat or svd.");
        }

        if (pairs.FirstOrDefault(pair => pair.Weight < 0) is { } negative)
        {
            throw new ConfigurationException(
                $"The weight {negative.Weight} is negative, and linear needs its root. Choose cat or svd.");
        }

        Tensor Weighted(Func<WeightedPair, Tensor> part) => pairs
            .Select(pair => part(pair) * Math.Sqrt(pair.Weight * pair.Scale)).Aggregate((sum, next) => sum + next);
        return (Weighted(pair => pair.A), Weighted(pair => pair.B));
    }

    private static (Tensor A, Tensor B) Decompose(IReadOnlyList<WeightedPair> pairs, int rank)
    {
        var sum = pairs.Select(pair => matmul(pair.B, pair.A) * (pair.Scale * pair.Weight * pair.Scale))
            .Aggregate((total, next) => total + next);
        var (u, s, v) = linalg.svd(sum, fullMatrices: false);
        var kept = Math.Min(rank, s.shape[0]);
        return (v.narrow(0, 0, kept), u.narrow(1, 0, kept) * s.narrow(0, 0, kept));
    }
}
