using Lorikeet.Formats.Options;

namespace Lorikeet.Models.Lora;

/// <summary>How adapters are combined (PEFT's <c>combination_type</c>).</summary>
public enum CombinationKind
{
    /// <summary>Side by side: exactly the weighted sum; the rank is the sum of the ranks.</summary>
    [WireName("cat")] Concatenated,

    /// <summary>Sums of the factors, as PEFT's linear; equal ranks.</summary>
    Linear,

    /// <summary>The weighted sum cut to a rank by its singular values.</summary>
    [WireName("svd")] SingularValues,

    /// <summary>
    /// Sums of the largest elements of the factors, of those with the sign of most (TIES, arXiv 2306.01708).
    /// </summary>
    Ties,

    /// <summary>TIES on the updates, then as svd.</summary>
    [WireName("ties_svd")] TiesSingularValues,

    /// <summary>Sums of the largest elements of the factors.</summary>
    [WireName("magnitude_prune")] Pruned,

    /// <summary>Sums of the largest elements of the updates, then as svd.</summary>
    [WireName("magnitude_prune_svd")] PrunedSingularValues,
}

/// <summary>What decides the sign of an element in TIES (PEFT's <c>majority_sign_method</c>).</summary>
public enum SignMajority
{
    /// <summary>The sum of the elements.</summary>
    Total,

    /// <summary>How many have it.</summary>
    Frequency,
}

/// <summary>How adapters are combined.</summary>
public sealed record CombinationSettings
{
    /// <summary>Kind of combination.</summary>
    public CombinationKind Kind { get; init; } = CombinationKind.Concatenated;

    /// <summary>Rank of the result of an SVD; null for the largest of the adapters' ranks.</summary>
    public int? Rank { get; init; }

    /// <summary>Share of the elements that pruning keeps, in (0, 1].</summary>
    public double Density { get; init; } = 1;

    /// <summary>What decides the sign in TIES.</summary>
    public SignMajority Majority { get; init; } = SignMajority.Total;

    internal bool Decomposes => Kind is CombinationKind.SingularValues or CombinationKind.TiesSingularValues
        or CombinationKind.PrunedSingularValues;

    internal bool Prunes => Kind is CombinationKind.Ties or CombinationKind.TiesSingularValues
        or CombinationKind.Pruned or CombinationKind.PrunedSingularValues;

    internal bool ElectsSigns => Kind is CombinationKind.Ties or CombinationKind.TiesSingularValues;
}
