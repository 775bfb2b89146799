using Lorikeet.Data;
using Lorikeet.Data.Batches;

namespace Lorikeet.Training.Objectives;

/// <summary>A micro-batch of preference data, and which of its predicted tokens belong to which answer.</summary>
internal sealed class AnswerBatch
{
    // Of each predicted token, in the order of the batch.
    private readonly List<(int Answer, bool IsPrompt)> _targets = [];

    private AnswerBatch(Batch batch, IReadOnlyList<RatedAnswer> answers) => (Batch, Answers) = (batch, answers);

    /// <summary>The tokens; each answer with its prompt is a segment.</summary>
    public Batch Batch { get; }

    /// <summary>The answers, one a segment; of a pair the chosen one comes first.</summary>
    public IReadOnlyList<RatedAnswer> Answers { get; }

    /// <summary>Predicted tokens of the texts that are wanted.</summary>
    public int WantedTargets => _targets.Count(target => Answers[target.Answer].IsWanted);

    /// <summary>Lays rows end to end.</summary>
    /// <param name="rows">Rows with what is known of their answers.</param>
    /// <param name="learnsPrompts">Whether the prompts of wanted answers are predicted too.</param>
    public static AnswerBatch Of(IReadOnlyList<TrainingRow> rows, bool learnsPrompts = false)
    {
        var plain = Batch.FromRows(rows);
        RatedAnswer[] answers = [.. rows.SelectMany(AnswersOf)];
        var (labels, starts) = ((int[])plain.Labels.Clone(), plain.SegmentStarts);
        var targets = new List<(int, bool)>();
        for (var answer = 0; answer < answers.Length; answer++)
        {
            for (var t = starts[answer] + 1; t < starts[answer + 1]; t++)
            {
                var isPrompt = labels[t] == TrainingRow.Ignored;
                if (isPrompt && !(learnsPrompts && answers[answer].IsWanted))
                    continue;
                labels[t] = plain.Ids[t];
                targets.Add((answer, isPrompt));
                answers[answer] = answers[answer] with { Tokens = answers[answer].Tokens + (isPrompt ? 0 : 1) };
            }
        }

        var batch = new AnswerBatch(plain with { Labels = labels, TargetCount = targets.Count }, answers);
        batch._targets.AddRange(targets);
        return batch;
    }

    /// <summary>Log-probability of each answer: the sum over its tokens.</summary>
    public double[] Sums(float[] logProbabilities)
    {
        var sums = new double[Answers.Count];
        foreach (var (target, value) in _targets.Zip(logProbabilities))
        {
            if (!target.IsPrompt)
                sums[target.Answer] += value;
        }

        return sums;
    }

    /// <summary>Sum over all predicted tokens of wanted texts, prompts included where they are predicted.</summary>
    public double WantedSum(float[] logProbabilities) => _targets.Zip(logProbabilities)
        .Sum(pair => Answers[pair.First.Answer].IsWanted ? (double)pair.Second : 0);

    /// <summary>The derivative by each token's log-probability.</summary>
    /// <param name="value">What the objective came to.</param>
    /// <param name="weight">What the batch counts in the step.</param>
    public float[] Derivatives(ObjectiveValue value, double weight) =>
    [
        .. _targets.Select(target => (float)(weight * (
            (target.IsPrompt ? 0 : value.PerAnswer[target.Answer])
            + (Answers[target.Answer].IsWanted ? value.PerWantedToken : 0)))),
    ];

    private static IEnumerable<RatedAnswer> AnswersOf(TrainingRow row)
    {
        var preference = row.Preference
            ?? throw new ArgumentException("A row says nothing of its answers. Expected preference data.", nameof(row));
        yield return new RatedAnswer(preference.IsDesirable, 0);
        if (preference.RejectedStart is not null)
            yield return new RatedAnswer(false, 0);
    }
}

/// <summary>An answer of a batch.</summary>
/// <param name="IsWanted">Whether it is chosen, or labelled as desirable.</param>
/// <param name="Tokens">Its predicted tokens.</param>
internal readonly record struct RatedAnswer(bool IsWanted, int Tokens);

/// <summary>What a model says of the answers of a batch.</summary>
/// <param name="Batch">The batch.</param>
/// <param name="LogProbabilities">Of its predicted tokens.</param>
/// <param name="Reference">Log-probabilities of the answers by the base; empty where nothing asks for them.</param>
/// <param name="Divergence">KTO's estimate of the divergence from the base; else 0.</param>
internal sealed record AnswerScores(
    AnswerBatch Batch, float[] LogProbabilities, double[] Reference, double Divergence)
{
    /// <summary>Log-probabilities of the answers by the model.</summary>
    public double[] Sums { get; } = Batch.Sums(LogProbabilities);

    /// <summary>log of how much more likely the model makes an answer than the base.</summary>
    public double LogRatio(int answer) => Sums[answer] - Reference[answer];
}

/// <summary>What an objective comes to.</summary>
/// <param name="Loss">The loss of the batch.</param>
/// <param name="PerAnswer">Its derivative by the log-probability of each answer.</param>
/// <param name="PerWantedToken">Its derivative by that of each predicted token of a wanted text, besides.</param>
internal sealed record ObjectiveValue(double Loss, double[] PerAnswer, double PerWantedToken = 0);
