using Lorikeet.Data.Encoded;

namespace Lorikeet.Models.Evaluation;

/// <summary>One answer of a model and how good it is.</summary>
/// <param name="Question">What was asked, and the answers that count.</param>
/// <param name="Text">What the model said, without blanks around it.</param>
/// <param name="ExactMatch">See <see cref="SquadMetrics.ExactMatch"/>.</param>
/// <param name="F1">See <see cref="SquadMetrics.F1(string, IReadOnlyCollection{string})"/>, 0 to 1.</param>
/// <param name="RougeL">ROUGE-L's F-measure without stemming, 0 to 1.</param>
public sealed record ScoredAnswer(Question Question, string Text, bool ExactMatch, double F1, double RougeL);

/// <summary>A model measured on a set of questions.</summary>
/// <param name="Answers">Every answer, in the order of the questions.</param>
/// <param name="Loss">Mean cross-entropy per answer token, in nats, the end token included.</param>
/// <param name="Targets">Answer tokens.</param>
/// <param name="GeneratedTokens">Tokens the model said.</param>
/// <param name="Seconds">Duration.</param>
public sealed record AnswerScores(
    IReadOnlyList<ScoredAnswer> Answers, double Loss, long Targets, long GeneratedTokens, double Seconds)
{
    /// <summary>Share of answers that match exactly, 0 to 1; null when nothing was asked.</summary>
    public double? ExactMatch => Mean(answer => answer.ExactMatch ? 1 : 0);

    /// <summary>Mean F1, 0 to 1.</summary>
    public double? F1 => Mean(answer => answer.F1);

    /// <summary>Mean ROUGE-L, 0 to 1.</summary>
    public double? RougeL => Mean(answer => answer.RougeL);

    /// <summary>exp of <see cref="Loss"/>.</summary>
    public double Perplexity => Math.Exp(Loss);

    private double? Mean(Func<ScoredAnswer, double> score) => Answers.Count == 0 ? null : Answers.Average(score);
}
