namespace Lorikeet.Models.Evaluation;

/// <summary>How likely a model finds a row.</summary>
/// <param name="LogProbabilities">
/// As long as the row: the natural logarithm of each token's probability after those before it; null for the first
/// token and for padding.
/// </param>
/// <param name="SummedLoss">Sum of the cross-entropy of the targets, in nats.</param>
/// <param name="Targets">Labels that count; the first token's never does.</param>
public sealed record RowScore(IReadOnlyList<float?> LogProbabilities, double SummedLoss, int Targets)
{
    /// <summary>Mean cross-entropy per target in nats; null when the row has no target.</summary>
    public double? Loss => Targets == 0 ? null : SummedLoss / Targets;

    /// <summary>exp of <see cref="Loss"/>.</summary>
    public double? Perplexity => Loss is { } loss ? Math.Exp(loss) : null;
}
