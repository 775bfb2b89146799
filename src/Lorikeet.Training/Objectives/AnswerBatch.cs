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
        var shares = SharesPrompts(rows);
        var (ids, labels) = (new List<int>(), new List<int>());
        var (starts, prefixes) = (new List<int> { 0 }, new List<int>());
        var (answers, targets) = (new List<RatedAnswer>(), new List<(int, bool)>());
        foreach (var row in rows)
        {
            var (prompt, rejected, isWanted) = row.Preference ?? throw new ArgumentException(
                "A row says nothing of its answers. Expected preference data.", nameof(rows));
            Add(row, 0, 0, rejected ?? row.Length, isWanted);
            if (rejected is { } second)
                Add(row, second, shares ? prompt : 0, row.Length, isWanted: false);
        }

        var batch = new Batch([.. ids], [.. labels], [.. starts], targets.Count)
        {
            SharedPrefixes = shares ? [.. prefixes] : null,
        };
        var result = new AnswerBatch(batch, answers);
        result._targets.AddRange(targets);
        return result;

        void Add(TrainingRow row, int start, int shared, int end, bool isWanted)
        {
            var tokens = 0;
            for (var t = start + shared; t < end; t++)
            {
                var isPrompt = row.Labels[t] == TrainingRow.Ignored;
                // Nothing predicts the first token.
                var isTarget = t > start && (!isPrompt || (learnsPrompts && isWanted));
                ids.Add(row.Ids[t]);
                labels.Add(isTarget ? row.Ids[t] : TrainingRow.Ignored);
                if (!isTarget)
                    continue;
                targets.Add((answers.Count, isPrompt));
                tokens += isPrompt ? 0 : 1;
            }

            starts.Add(ids.Count);
            prefixes.Add(shared);
            answers.Add(new RatedAnswer(isWanted, tokens));
        }
    }

    /// <summary>
    /// Whether the answers of pairs share their prompts' computation: what attention repeats takes memory, which short
    /// prompts do not save.
    /// </summary>
    private static bool SharesPrompts(IReadOnlyList<TrainingRow> rows)
    {
        const int worthwhile = 4; // a prompt in so many tokens
        var prompts = rows.Sum(row => row.Preference is { RejectedStart: not null } pair ? pair.PromptLength : 0);
        return prompts > 0 && worthwhile * prompts >= rows.Sum(row => row.Length);
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
