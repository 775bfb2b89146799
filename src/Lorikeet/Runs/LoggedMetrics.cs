using Lorikeet.Training;

namespace Lorikeet.Runs;

/// <summary>
/// What trackers are told, under the names that transformers' Trainer logs: <c>loss</c> (the mean over the steps since
/// the last report), <c>grad_norm</c>, <c>eval_loss</c>, <c>train_runtime</c> and so on.
/// </summary>
/// <param name="loggingSteps">Steps between reports.</param>
internal sealed class LoggedMetrics(int loggingSteps)
{
    private RunSummary? _summary;
    private StepMetrics? _latest;
    private double _lossSum;
    private int _lossCount;

    /// <summary>What an event adds; empty for most.</summary>
    public IReadOnlyList<LoggedMetric> Of(TrainingEvent trainingEvent)
    {
        switch (trainingEvent)
        {
            case RunStarted { Summary: var summary }:
                _summary = summary;
                return [];
            case StepCompleted { Metrics: var metrics }:
                return Of(metrics);
            case EvaluationCompleted { Metrics: var metrics }:
                return Of(metrics);
            case RunCompleted { Result: var result }:
                return Of(result);
            default:
                return [];
        }
    }

    private static IReadOnlyList<LoggedMetric> Of(EvaluationMetrics metrics)
    {
        LoggedMetric[] perplexity = double.IsNaN(metrics.Perplexity) ? []
            : [new("eval_perplexity", metrics.Perplexity, metrics.Step)];
        return
        [
            new("eval_loss", metrics.Loss, metrics.Step),
            .. perplexity,
            .. metrics.Further.Select(each => new LoggedMetric($"eval_{each.Key}", each.Value, metrics.Step)),
            .. Measures(metrics).Select(each => new LoggedMetric($"eval_{each.Name}", each.Value, metrics.Step)),
            new("eval_runtime", metrics.Seconds, metrics.Step),
            new("eval_samples_per_second", metrics.Rows / metrics.Seconds, metrics.Step),
            new("epoch", metrics.Epoch, metrics.Step),
        ];
    }

    private static IEnumerable<(string Name, double Value)> Measures(EvaluationMetrics metrics)
    {
        if (metrics.Answers is { } answers)
        {
            yield return ("exact_match", answers.ExactMatch);
            yield return ("f1", answers.F1);
            yield return ("rougeL", answers.RougeL);
        }

        if (metrics.Probe is not { } probe)
            yield break;
        yield return ("probe_loss", probe.Loss);
        yield return ("probe_kl", probe.Divergence);
    }

    private IReadOnlyList<LoggedMetric> Of(StepMetrics metrics)
    {
        _latest = metrics;
        _lossSum += metrics.Loss;
        _lossCount++;
        if (metrics.Step % loggingSteps != 0)
            return [];
        var loss = _lossSum / _lossCount;
        _lossSum = _lossCount = 0;
        return
        [
            new("loss", loss, metrics.Step),
            new("grad_norm", metrics.GradNorm, metrics.Step),
            new("learning_rate", metrics.LearningRate, metrics.Step),
            new("epoch", metrics.Epoch, metrics.Step),
            new("num_input_tokens_seen", metrics.Tokens, metrics.Step),
            new("tokens_per_second", metrics.TokensPerSecond, metrics.Step),
            new("peak_memory_bytes", metrics.PeakMemoryBytes, metrics.Step),
            .. metrics.Further.Select(each => new LoggedMetric(each.Key, each.Value, metrics.Step)),
        ];
    }

    private IReadOnlyList<LoggedMetric> Of(TrainingResult result)
    {
        var steps = result.Steps - _summary!.FirstStep;
        var rows = (_latest?.Epoch ?? 0) * _summary.TrainRows * steps / Math.Max(1, result.Steps);
        return
        [
            new("train_loss", result.TrainLoss, result.Steps),
            new("train_runtime", result.Seconds, result.Steps),
            new("train_samples_per_second", rows / result.Seconds, result.Steps),
            new("train_steps_per_second", steps / result.Seconds, result.Steps),
            new("epoch", _latest?.Epoch ?? 0, result.Steps),
        ];
    }
}

/// <summary>One number of a report.</summary>
/// <param name="Name">As transformers' Trainer calls it.</param>
/// <param name="Value">The number.</param>
/// <param name="Step">The optimizer step.</param>
internal sealed record LoggedMetric(string Name, double Value, int Step);
