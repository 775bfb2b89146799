// KTO (arXiv 2402.01306) as TRL 1.9 computes it: with r the logarithm of how much more likely the model makes an answer
// than the base, and z the divergence from the base, which is estimated on the batch's answers to other prompts, cut
// off at 0 and not differentiated,
//
//     wanted     w₊ (1 - σ(β(r - z)))          unwanted     w₋ (1 - σ(β(z - r)))
namespace Lorikeet.Training.Objectives;

/// <summary>The mean over answers of how far each is from being wanted or unwanted enough.</summary>
/// <param name="beta">β.</param>
/// <param name="desirable">w₊.</param>
/// <param name="undesirable">w₋.</param>
internal sealed class DesirabilityObjective(double beta, double desirable, double undesirable) : IAnswerObjective
{
    private const string Divergence = "kl";

    public IReadOnlyList<string> Metrics { get; } =
    [
        MetricSums.ChosenRewards, MetricSums.RejectedRewards, MetricSums.ChosenLogProbabilities,
        MetricSums.RejectedLogProbabilities, Divergence,
    ];

    public bool NeedsReference => true;

    public bool NeedsDivergence => true;

    public ObjectiveValue Judge(AnswerScores scores, MetricSums? metrics)
    {
        var answers = scores.Batch.Answers;
        var (loss, perAnswer) = (0.0, new double[answers.Count]);
        for (var i = 0; i < answers.Count; i++)
        {
            var sign = answers[i].IsWanted ? 1 : -1;
            var weight = (answers[i].IsWanted ? desirable : undesirable) / answers.Count;
            var value = sign * beta * (scores.LogRatio(i) - scores.Divergence);
            loss += weight * (1 - PairLoss.Sigmoid(value));
            perAnswer[i] = -weight * sign * beta * PairLoss.Slope(value);
            metrics?.AddAnswer(answers[i].IsWanted, beta * scores.LogRatio(i), scores.Sums[i]);
        }

        metrics?.Add(Divergence, scores.Divergence);
        return new ObjectiveValue(loss, perAnswer);
    }
}
