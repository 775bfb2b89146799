using Lorikeet.Training;

namespace Lorikeet.Runs;

/// <summary>What TensorBoard shows besides the metrics, and how often.</summary>
/// <param name="Options">The options as JSON or YAML, shown as the text <c>args</c>.</param>
/// <param name="ModelConfig">The base's <c>config.json</c>, shown as the text <c>model_config</c>.</param>
/// <param name="LoggingSteps">Steps between reports (<c>logging_steps</c>).</param>
public sealed record TensorBoardSettings(string Options, string ModelConfig, int LoggingSteps);

/// <summary>
/// Writes TensorBoard event files with the tags of transformers' TensorBoardCallback: <c>train/loss</c> (the mean over
/// the steps since the last report), <c>train/grad_norm</c>, <c>train/learning_rate</c>, <c>train/epoch</c>,
/// <c>eval/loss</c>, the totals at the end, and the texts <c>args</c> and <c>model_config</c>.
/// </summary>
/// <remarks>A resumed run adds a file that makes TensorBoard forget the steps after the one it resumes from.</remarks>
/// <param name="folder">Where the event file goes; created when the run begins.</param>
/// <param name="settings">What to show besides the metrics, and how often to report.</param>
/// <param name="clock">Gives each event its wall time.</param>
public sealed class TensorBoardLog(string folder, TensorBoardSettings settings, TimeProvider clock)
    : ITrainingObserver, IDisposable
{
    private EventFile? _file;
    private RunSummary? _summary;
    private StepMetrics? _latest;
    private double _lossSum;
    private int _lossCount;

    /// <inheritdoc/>
    public void Observe(TrainingEvent trainingEvent)
    {
        switch (trainingEvent)
        {
            case RunStarted { Summary: var summary }:
                Begin(summary);
                break;
            case StepCompleted { Metrics: var metrics }:
                Take(metrics);
                break;
            case EvaluationCompleted { Metrics: var metrics }:
                Report(metrics);
                break;
            case RunCompleted { Result: var result }:
                Report(result);
                break;
        }
    }

    /// <summary>Closes the event file.</summary>
    public void Dispose() => _file?.Dispose();

    private void Begin(RunSummary summary)
    {
        _summary = summary;
        _file = new EventFile(folder, clock);
        if (summary.FirstStep > 0)
            _file.Purge(summary.FirstStep + 1);
        _file.AddText("args", settings.Options, 0);
        _file.AddText("model_config", settings.ModelConfig, 0);
    }

    private void Take(StepMetrics metrics)
    {
        _latest = metrics;
        _lossSum += metrics.Loss;
        _lossCount++;
        if (metrics.Step % settings.LoggingSteps != 0)
            return;
        Add("train/loss", _lossSum / _lossCount, metrics.Step);
        Add("train/grad_norm", metrics.GradNorm, metrics.Step);
        Add("train/learning_rate", metrics.LearningRate, metrics.Step);
        Add("train/epoch", metrics.Epoch, metrics.Step);
        Add("train/num_input_tokens_seen", metrics.Tokens, metrics.Step);
        Add("train/tokens_per_second", metrics.TokensPerSecond, metrics.Step);
        Add("train/peak_memory_bytes", metrics.PeakMemoryBytes, metrics.Step);
        foreach (var (name, value) in metrics.Further)
            Add($"train/{name}", value, metrics.Step);
        _lossSum = _lossCount = 0;
    }

    private void Report(EvaluationMetrics metrics)
    {
        Add("eval/loss", metrics.Loss, metrics.Step);
        if (!double.IsNaN(metrics.Perplexity))
            Add("eval/perplexity", metrics.Perplexity, metrics.Step);
        foreach (var (name, value) in metrics.Further)
            Add($"eval/{name}", value, metrics.Step);
        Add("eval/runtime", metrics.Seconds, metrics.Step);
        Add("eval/samples_per_second", metrics.Rows / metrics.Seconds, metrics.Step);
        Add("train/epoch", metrics.Epoch, metrics.Step);
    }

    private void Report(TrainingResult result)
    {
        var steps = result.Steps - _summary!.FirstStep;
        var rows = (_latest?.Epoch ?? 0) * _summary.TrainRows * steps / Math.Max(1, result.Steps);
        Add("train/train_loss", result.TrainLoss, result.Steps);
        Add("train/train_runtime", result.Seconds, result.Steps);
        Add("train/train_samples_per_second", rows / result.Seconds, result.Steps);
        Add("train/train_steps_per_second", steps / result.Seconds, result.Steps);
        Add("train/epoch", _latest?.Epoch ?? 0, result.Steps);
    }

    private void Add(string tag, double value, int step) => _file!.AddScalar(tag, value, step);
}
