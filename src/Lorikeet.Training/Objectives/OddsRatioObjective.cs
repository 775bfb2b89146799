// ORPO (arXiv 2403.07691) as TRL 1.9 computes it: with p the mean log-probability of an answer's tokens,
//
//     log odds = p_chosen - p_rejected - (log(1 - e^p_chosen) - log(1 - e^p_rejected))
//     L = cross-entropy of prompts and chosen answers, a mean over their tokens,  -  β · mean of log σ(log odds)
//
// d log(p / (1 - e^p)) by p is 1 / (1 - e^p).
namespace Lorikeet.Training.Objectives;

/// <summary>
/// Cross-entropy of the chosen answers and the odds ratio between the two of a pair; no base is asked.
/// </summary>
/// <param name="beta">What the odds ratio counts.</param>
internal sealed class OddsRatioObjective(double beta) : IAnswerObjective
{
    private const string NegativeLogLikelihood = "nll_loss";
    private const string Ratio = "log_odds_ratio";
    private const string Chosen = "log_odds_chosen";

    // An answer that is certain has no odds.
    private const double Certain = 1e-12;

    public IReadOnlyList<string> Metrics { get; } =
    [
        MetricSums.ChosenRewards, MetricSums.RejectedRewards, MetricSums.Accuracies, MetricSums.ChosenLogProbabilities,
        MetricSums.RejectedLogProbabilities, NegativeLogLikelihood, Ratio, Chosen,
    ];

    public bool NeedsReference => false;

    public bool LearnsPrompts => true;

    public ObjectiveValue Judge(AnswerScores scores, MetricSums? metrics)
    {
        var answers = scores.Batch.Answers;
        var perAnswer = new double[answers.Count];
        var crossEntropy = -scores.Batch.WantedSum(scores.LogProbabilities) / scores.Batch.WantedTargets;
        var loss = crossEntropy;
        for (var i = 0; i < answers.Count; i += 2)
        {
            var (chosen, rejected) = (scores.Sums[i] / answers[i].Tokens, scores.Sums[i + 1] / answers[i + 1].Tokens);
            var (rest, restRejected) = (Rest(chosen), Rest(rejected));
            var logOdds = chosen - rejected - (Math.Log(rest) - Math.Log(restRejected));
            var (ratio, share) = (PairLoss.LogSigmoid(logOdds), beta / (answers.Count / 2));
            var byLogOdds = -share * PairLoss.Sigmoid(-logOdds);
            loss -= share * ratio;
            perAnswer[i] = byLogOdds / rest / answers[i].Tokens;
            perAnswer[i + 1] = -byLogOdds / restRejected / answers[i + 1].Tokens;
            metrics?.AddAnswer(true, beta * chosen, chosen);
            metrics?.AddAnswer(false, beta * rejected, rejected);
            metrics?.AddPair(chosen, rejected);
            metrics?.Add(Ratio, ratio);
            metrics?.Add(Chosen, logOdds);
            metrics?.Add(NegativeLogLikelihood, crossEntropy);
        }

        return new ObjectiveValue(loss, perAnswer, -1.0 / scores.Batch.WantedTargets);
    }

    private static double Rest(double logProbability) => Math.Max(1 - Math.Exp(logProbability), Certain);
}
