// The loss of a token with log-probability l, which was l_old when it was drawn and is l_ref for the base, in an answer
// of advantage A (arXiv 2402.03300, equation 3; arXiv 2503.14476 for the two bounds):
//
//     ρ = exp(l - l_old)        loss = -min(ρ A, clip(ρ, 1 - ε, 1 + ε_high) A) + β (exp(l_ref - l) - (l_ref - l) - 1)
//
// and its derivative, where the minimum is not the clipped one, and without it else:
//
//     d loss / d l = -ρ A + β (1 - exp(l_ref - l))
//
// A step of N answers, in all T tokens long, with the answer i of T_i tokens, weighs a token of it
//
//     grpo  1 / (N T_i)        dapo  1 / T        dr_grpo  1 / (N · max_completion_length)
namespace Lorikeet.Training.Rollouts;

/// <summary>The clipped loss of a policy and its derivative, token by token.</summary>
/// <param name="epsilonLow">How far a probability may fall.</param>
/// <param name="epsilonHigh">How far it may rise.</param>
/// <param name="beta">The weight of the distance from the base.</param>
internal sealed class PolicyLoss(double epsilonLow, double epsilonHigh, double beta)
{
    /// <summary>The loss of a token.</summary>
    /// <param name="logProbability">As the model is.</param>
    /// <param name="before">As it was when the token was drawn.</param>
    /// <param name="reference">Of the base; not looked at where beta is 0.</param>
    /// <param name="advantage">Of the answer.</param>
    public TokenLoss Of(double logProbability, double before, double reference, double advantage)
    {
        var ratio = Math.Exp(logProbability - before);
        var clipped = Math.Clamp(ratio, 1 - epsilonLow, 1 + epsilonHigh);
        var (isLow, isHigh) = (ratio < 1 - epsilonLow && advantage < 0, ratio > 1 + epsilonHigh && advantage > 0);
        var loss = -Math.Min(ratio * advantage, clipped * advantage);
        var derivative = isLow || isHigh ? 0 : -ratio * advantage;
        var divergence = 0.0;
        if (beta != 0)
        {
            var distance = reference - logProbability;
            divergence = Math.Exp(distance) - distance - 1;
            loss += beta * divergence;
            derivative += beta * (1 - Math.Exp(distance));
        }

        return new TokenLoss(loss, derivative, divergence, isLow, isHigh);
    }

    /// <summary>What a token of each answer of a step weighs.</summary>
    /// <param name="kind">How answers of different length are weighed.</param>
    /// <param name="lengths">Tokens of each answer of the step.</param>
    /// <param name="maxLength">Most tokens of an answer.</param>
    public static double[] Weights(PolicyWeighting kind, IReadOnlyList<int> lengths, int maxLength)
    {
        var total = lengths.Sum(length => (double)length);
        return
        [
            .. lengths.Select(length => kind switch
            {
                PolicyWeighting.Answer => 1.0 / lengths.Count / Math.Max(1, length),
                PolicyWeighting.Token => 1 / total,
                _ => 1.0 / lengths.Count / maxLength,
            }),
        ];
    }
}

/// <summary>How answers of different length are weighed.</summary>
internal enum PolicyWeighting
{
    /// <summary>Every answer alike, whatever its length.</summary>
    Answer,

    /// <summary>Every token alike.</summary>
    Token,

    /// <summary>Every token alike, whatever the others' lengths.</summary>
    Constant,
}

/// <summary>The loss of a token.</summary>
/// <param name="Value">In nats.</param>
/// <param name="Derivative">By its log-probability.</param>
/// <param name="Divergence">Estimate of the distance from the base.</param>
/// <param name="IsClippedLow">Whether it has fallen too far to be pushed down further.</param>
/// <param name="IsClippedHigh">Whether it has risen too far to be pushed up further.</param>
internal readonly record struct TokenLoss(
    double Value, double Derivative, double Divergence, bool IsClippedLow, bool IsClippedHigh);
