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
    private readonly LoggedMetrics _metrics = new(settings.LoggingSteps);
    private EventFile? _file;

    /// <inheritdoc/>
    public void Observe(TrainingEvent trainingEvent)
    {
        if (trainingEvent is RunStarted { Summary: var summary })
            Begin(summary);
        foreach (var metric in _metrics.Of(trainingEvent))
            _file!.AddScalar(Tag(metric.Name), metric.Value, metric.Step);
    }

    /// <summary>Closes the event file.</summary>
    public void Dispose() => _file?.Dispose();

    private void Begin(RunSummary summary)
    {
        _file = new EventFile(folder, clock);
        if (summary.FirstStep > 0)
            _file.Purge(summary.FirstStep + 1);
        _file.AddText("args", settings.Options, 0);
        _file.AddText("model_config", settings.ModelConfig, 0);
    }

    private static string Tag(string name) =>
        name.StartsWith("eval_", StringComparison.Ordinal) ? $"eval/{name[5..]}" : $"train/{name}";
}
