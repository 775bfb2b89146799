using Lorikeet.Runs.Reports;
using Lorikeet.Training;

namespace Lorikeet.Runs;

/// <summary>What <c>metrics.jsonl</c> says: every step, every evaluation and, if the run ended, its end.</summary>
/// <param name="Steps">The steps, in order.</param>
/// <param name="Evaluations">The evaluations, in order.</param>
/// <param name="Result">How the run ended; null while it has not.</param>
public sealed record RunHistory(
    IReadOnlyList<StepMetrics> Steps, IReadOnlyList<EvaluationMetrics> Evaluations, TrainingResult? Result)
{
    /// <summary>The base's evaluation, before the first step; null when there was none.</summary>
    public EvaluationMetrics? Base => Evaluations.FirstOrDefault(evaluation => evaluation.Step == 0);

    /// <summary>Tokens over time of all steps, whatever process took them; null before the first step.</summary>
    public double? TokensPerSecond
    {
        get
        {
            var (seconds, tokens) = (0.0, 0L);
            foreach (var step in Steps.Where(step => step.TokensPerSecond > 0))
            {
                seconds += (step.Tokens - tokens) / step.TokensPerSecond;
                tokens = step.Tokens;
            }

            return seconds > 0 ? tokens / seconds : null;
        }
    }

    /// <summary>
    /// The training loss averaged over the steps around each step, about a fortieth of the run to either side (fewer at
    /// the ends, so that the curve neither lags nor bends there).
    /// </summary>
    public IReadOnlyList<(int Step, double Loss)> SmoothedLoss()
    {
        var known = Steps.Where(step => double.IsFinite(step.Loss)).ToList();
        var sums = new double[known.Count + 1];
        for (var index = 0; index < known.Count; index++)
            sums[index + 1] = sums[index] + known[index].Loss;
        return [.. known.Select((step, index) =>
        {
            var reach = Math.Min(Math.Max(1, known.Count / 40), Math.Min(index, known.Count - 1 - index));
            return (step.Step, (sums[index + reach + 1] - sums[index - reach]) / (2 * reach + 1));
        })];
    }

    /// <summary>The held-out loss after a step, beside the base's; null when that step was not evaluated.</summary>
    public ComparedScore? HeldOutLoss(int? step) =>
        Evaluations.LastOrDefault(evaluation => evaluation.Step == step) is { } tuned
            ? new ComparedScore("Held-out loss", Base?.Loss, tuned.Loss, ScoreKind.Cost)
            : null;

    /// <summary>
    /// The share of held-out pairs whose chosen answer has the larger reward after a step, beside the base's, where all
    /// are equal; null where no pairs were evaluated.
    /// </summary>
    public ComparedScore? PreferenceAccuracy(int? step)
    {
        var tuned = Evaluations.LastOrDefault(evaluation => evaluation.Step == step);
        return Accuracy(tuned) is { } accuracy
            ? new ComparedScore("Preference accuracy", Accuracy(Base), accuracy)
            : null;

        static double? Accuracy(EvaluationMetrics? evaluation) =>
            evaluation?.Further.TryGetValue("rewards/accuracies", out var value) == true ? value : null;
    }

    /// <summary>
    /// The mean reward of the answers that the model drew in the last tenth of the steps, beside that of the first
    /// tenth; null where none were rewarded.
    /// </summary>
    public ComparedScore? Reward
    {
        get
        {
            double[] rewards = [.. Steps.Select(step => step.Further.GetValueOrDefault("reward", double.NaN))];
            var tenth = (rewards.Length + 9) / 10;
            return rewards.Length == 0 || rewards.Any(double.IsNaN)
                ? null
                : new ComparedScore(
                    "Mean reward", rewards[..tenth].Average(), rewards[^tenth..].Average(), ScoreKind.Reward);
        }
    }

    /// <summary>
    /// What was measured after a step beside the loss, beside the base's: scores of answers, forgetting.
    /// </summary>
    public IReadOnlyList<ComparedScore> Measures(int? step)
    {
        if (Evaluations.LastOrDefault(evaluation => evaluation.Step == step) is not { } tuned)
            return [];
        var scores = new List<ComparedScore>();
        if (tuned.Answers is { } answers)
        {
            var before = Base?.Answers;
            scores.Add(new("Exact match", before?.ExactMatch, answers.ExactMatch));
            scores.Add(new("F1", before?.F1, answers.F1));
            scores.Add(new("ROUGE-L", before?.RougeL, answers.RougeL));
        }

        if (tuned.Probe is { } probe)
            scores.Add(new("Forgetting", Base?.Probe?.Divergence, probe.Divergence, ScoreKind.Cost));
        return scores;
    }

    /// <summary>Reads the file; a last line that a crash cut short is left out.</summary>
    /// <exception cref="CheckpointException">A line is not one of ours.</exception>
    public static RunHistory Read(string metricsFile)
    {
        var steps = new List<StepMetrics>();
        var evaluations = new List<EvaluationMetrics>();
        TrainingResult? result = null;
        foreach (var (_, written) in MetricsLine.ReadAll(metricsFile))
        {
            switch (written)
            {
                case StepCompleted step:
                    steps.Add(step.Metrics);
                    break;
                case EvaluationCompleted evaluation:
                    evaluations.Add(evaluation.Metrics);
                    break;
                case RunCompleted completed:
                    result = completed.Result;
                    break;
            }
        }

        return new RunHistory(steps, evaluations, result);
    }
}
