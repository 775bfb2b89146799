// DPO (arXiv 2305.18290) and its relatives: the mean over pairs of a loss of each (PairLoss.cs), or of several with
// weights. With the form sft, the cross-entropy of the chosen answers' tokens, a mean over the tokens of the batch, is
// added.
namespace Lorikeet.Training.Objectives;

/// <summary>Losses of pairs against the base.</summary>
/// <param name="losses">Their forms, and what each counts.</param>
/// <param name="beta">β.</param>
/// <param name="smoothing">Share of pairs that are the wrong way round, of the form robust.</param>
internal sealed class PairObjective(IReadOnlyList<(LossType Type, double Weight)> losses, double beta, double smoothing)
    : IAnswerObjective
{
    public IReadOnlyList<string> Metrics { get; } =
    [
        MetricSums.ChosenRewards, MetricSums.RejectedRewards, MetricSums.Accuracies, MetricSums.ChosenLogProbabilities,
        MetricSums.RejectedLogProbabilities,
    ];

    public bool NeedsReference => true;

    public ObjectiveValue Judge(AnswerScores scores, MetricSums? metrics)
    {
        var answers = scores.Batch.Answers;
        var (loss, perAnswer, perToken) = (0.0, new double[answers.Count], 0.0);
        for (var i = 0; i < answers.Count; i += 2)
        {
            var (chosen, rejected) = (scores.LogRatio(i), scores.LogRatio(i + 1));
            metrics?.AddAnswer(true, beta * chosen, scores.Sums[i]);
            metrics?.AddAnswer(false, beta * rejected, scores.Sums[i + 1]);
            metrics?.AddPair(chosen, rejected);
            foreach (var (type, weight) in losses.Where(term => term.Type != LossType.Sft))
            {
                var ofPair = PairLoss.Of(
                    type, beta, smoothing, (chosen, answers[i].Tokens), (rejected, answers[i + 1].Tokens));
                var share = weight / (answers.Count / 2);
                loss += share * ofPair.Loss;
                perAnswer[i] += share * ofPair.ByChosen;
                perAnswer[i + 1] += share * ofPair.ByRejected;
            }
        }

        foreach (var (_, weight) in losses.Where(term => term.Type == LossType.Sft))
        {
            var share = weight / scores.Batch.WantedTargets;
            loss -= share * scores.Batch.WantedSum(scores.LogProbabilities);
            perToken -= share;
        }

        return new ObjectiveValue(loss, perAnswer, perToken);
    }
}
