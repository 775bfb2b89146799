// Losses of a pair of answers as TRL 1.9 defines them (trl/trainer/dpo_trainer.py). With the logarithms of how much
// more likely the model makes the chosen and the rejected answer than the base,
//
//     c = log π(chosen) - log π₀(chosen)     r = log π(rejected) - log π₀(rejected)     Δ = c - r
//
//     sigmoid    -log σ(βΔ)
//     hinge      max(0, 1 - βΔ)
//     ipo        (c / |chosen| - r / |rejected| - 1 / 2β)², by the lengths of the answers in tokens
//     robust     (-(1 - ε) log σ(βΔ) + ε log σ(-βΔ)) / (1 - 2ε)
//     apo_zero   1 - σ(βc) + σ(βr)
//     apo_down   σ(βc) + 1 - σ(βΔ)
namespace Lorikeet.Training.Objectives;

/// <summary>A loss of a pair and its derivatives by the log-probabilities of the two answers.</summary>
internal readonly record struct PairLoss(double Loss, double ByChosen, double ByRejected)
{
    /// <summary>The loss of one pair.</summary>
    /// <param name="type">Its form.</param>
    /// <param name="beta">β.</param>
    /// <param name="smoothing">ε.</param>
    /// <param name="chosen">c, and the tokens of the chosen answer.</param>
    /// <param name="rejected">r, and the tokens of the rejected answer.</param>
    public static PairLoss Of(
        LossType type, double beta, double smoothing, (double LogRatio, int Tokens) chosen,
        (double LogRatio, int Tokens) rejected)
    {
        var (c, r) = (chosen.LogRatio, rejected.LogRatio);
        var margin = beta * (c - r);
        return type switch
        {
            LossType.Sigmoid => OfMargin(-LogSigmoid(margin), -beta * Sigmoid(-margin)),
            LossType.Hinge => OfMargin(Math.Max(0, 1 - margin), margin < 1 ? -beta : 0),
            LossType.Ipo => Ipo(beta, chosen, rejected),
            LossType.Robust => OfMargin(
                (-(1 - smoothing) * LogSigmoid(margin) + smoothing * LogSigmoid(-margin)) / (1 - 2 * smoothing),
                -beta * ((1 - smoothing) * Sigmoid(-margin) + smoothing * Sigmoid(margin)) / (1 - 2 * smoothing)),
            LossType.ApoZero => new PairLoss(
                1 - Sigmoid(beta * c) + Sigmoid(beta * r), -beta * Slope(beta * c), beta * Slope(beta * r)),
            LossType.ApoDown => new PairLoss(
                Sigmoid(beta * c) + 1 - Sigmoid(margin), beta * (Slope(beta * c) - Slope(margin)),
                beta * Slope(margin)),
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "No loss of a pair."),
        };
    }

    /// <summary>1 / (1 + e^-x).</summary>
    public static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    /// <summary>log σ(x), without overflow.</summary>
    public static double LogSigmoid(double x) => Math.Min(x, 0) - Math.Log(1 + Math.Exp(-Math.Abs(x)));

    /// <summary>σ'(x) = σ(x) σ(-x).</summary>
    public static double Slope(double x) => Sigmoid(x) * Sigmoid(-x);

    private static PairLoss OfMargin(double loss, double byMargin) => new(loss, byMargin, -byMargin);

    private static PairLoss Ipo(
        double beta, (double LogRatio, int Tokens) chosen, (double LogRatio, int Tokens) rejected)
    {
        var error = chosen.LogRatio / chosen.Tokens - rejected.LogRatio / rejected.Tokens - 1 / (2 * beta);
        return new PairLoss(error * error, 2 * error / chosen.Tokens, -2 * error / rejected.Tokens);
    }
}
