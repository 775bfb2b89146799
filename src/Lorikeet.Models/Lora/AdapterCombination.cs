// Several adapters as one, with weights w:  W' = W + Σ w s B A
//
//     cat     A' = [w s A; ...], B' = [B, ...]                  exact; the rank is the sum of the ranks
//     linear  A' = Σ ±√|w s| A,   B' = Σ √|w s| B               small, but A of one meets B of another
//     svd     the best of a rank for Σ w s B A                  older PEFT counted s twice; 0.21 does not
//
// ties and magnitude_prune sum as linear does, their _svd forms as svd; but only the largest elements of each, and of
// those ties takes the mean over the ones that have the sign of most. The result has scale 1.
// Reference: peft 0.21 tuners/lora/model.py, add_weighted_adapter; utils/merge_utils.py.
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Lora;

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
    /// <param name="settings">How.</param>
    /// <param name="rank">Rank of the result; smaller results are filled with zeros.</param>
    /// <param name="module">For errors.</param>
    /// <exception cref="ConfigurationException">The pairs cannot be combined in this way.</exception>
    public static (Tensor A, Tensor B) Combine(
        IReadOnlyList<WeightedPair> pairs, CombinationSettings settings, int rank, string module)
    {
        var (a, b) = settings.Kind == CombinationKind.Concatenated ? Concatenate(pairs)
            : settings.Decomposes ? Decompose(pairs, settings, rank)
            : SumFactors(pairs, settings, module);
        var missing = rank - a.shape[0];
        if (missing <= 0)
            return (a.contiguous(), b.contiguous());
        var (rows, columns) = (
            zeros([missing, a.shape[1]], device: a.device), zeros([b.shape[0], missing], device: b.device));
        return (cat([a, rows], 0), cat([b, columns], 1));
    }

    private static (Tensor A, Tensor B) Concatenate(IReadOnlyList<WeightedPair> pairs) =>
        (cat([.. pairs.Select(pair => pair.A.Times(pair.Weight * pair.Scale))], 0),
            cat([.. pairs.Select(pair => pair.B)], 1));

    private static (Tensor A, Tensor B) SumFactors(
        IReadOnlyList<WeightedPair> pairs, CombinationSettings settings, string module)
    {
        if (pairs.Select(pair => pair.A.shape[0]).Distinct().Count() > 1)
        {
            throw new ConfigurationException(
                $"The adapters have ranks {string.Join(", ", pairs.Select(pair => pair.A.shape[0]))} on '{module}'. " +
                "Equal ranks were expected for combination_type linear, ties and magnitude_prune. Choose cat or svd.");
        }

        double Root(WeightedPair pair) => Math.Sqrt(Math.Abs(pair.Weight * pair.Scale));
        return (
            Sum([.. pairs.Select(pair => (pair.A, Math.Sign(pair.Weight) * Root(pair)))], settings),
            Sum([.. pairs.Select(pair => (pair.B, Root(pair)))], settings));
    }

    private static (Tensor A, Tensor B) Decompose(
        IReadOnlyList<WeightedPair> pairs, CombinationSettings settings, int rank)
    {
        var sum = Sum(
            [.. pairs.Select(pair => (matmul(pair.B, pair.A).Times(pair.Scale), pair.Weight))], settings);
        var (u, s, v) = linalg.svd(sum, fullMatrices: false); // of [out, in]; v is Vᵀ
        var kept = Math.Min(rank, s.shape[0]);
        return (v.narrow(0, 0, kept), u.narrow(1, 0, kept) * s.narrow(0, 0, kept)); // [kept, in], [out, kept]
    }

    private static Tensor Sum(IReadOnlyList<(Tensor Value, double Weight)> parts, CombinationSettings settings)
    {
        var values = stack(
            [.. parts.Select(part => settings.Prunes ? Largest(part.Value, settings.Density) : part.Value)]);
        long[] broadcast = [parts.Count, .. values.shape[1..].Select(_ => 1L)]; // [parts, 1, 1]
        var weights = tensor(parts.Select(part => (float)part.Weight).ToArray(), device: values.device).view(broadcast);
        if (!settings.ElectsSigns)
            return (values * weights).sum([0L]);
        var signs = values.sign();
        var votes = (settings.Majority == SignMajority.Total ? values : signs).sum([0L]);
        var majority = votes.AtLeast(0).to_type(values.dtype).Times(2).Minus(1);
        var agrees = signs.eq(majority).to_type(values.dtype);
        return (values * weights * agrees).sum([0L]) / agrees.sum([0L]).ClampedFrom(1);
    }

    private static Tensor Largest(Tensor value, double density)
    {
        if (density >= 1)
            return value;
        var kept = zeros_like(value).flatten();
        var (_, places) = value.abs().flatten().topk((int)(density * value.NumberOfElements));
        return value * kept.FillRows(places, 1).view(value.shape);
    }
}
