using System.Diagnostics;
using System.Diagnostics.Metrics;
using Lorikeet.Training;

namespace Lorikeet.Runs;

/// <summary>
/// A run as .NET's own metrics and traces, for who listens in the process: <c>dotnet-counters</c>, OpenTelemetry. Where
/// nobody does, nothing is measured, and nothing is ever sent from here.
/// </summary>
public sealed class TrainingTelemetry : ITrainingObserver, IDisposable
{
    /// <summary>The name of the meter and of the source of traces.</summary>
    public const string Source = "Lorikeet.Training";

    private const string Prefix = "lorikeet.train.";

    private static readonly ActivitySource s_source = new(Source);
    private static readonly Meter s_meter = new(Source);
    private static readonly Gauge<double> s_loss = Gauge("loss", null, "Mean cross-entropy of a step, in nats.");
    private static readonly Gauge<double> s_evalLoss = Gauge("eval_loss", null, "The same of held-out rows.");
    private static readonly Gauge<double> s_rate = Gauge("learning_rate", null, "The rate that the step used.");
    private static readonly Gauge<double> s_norm = Gauge("grad_norm", null, "Norm of the gradient before clipping.");
    private static readonly Gauge<double> s_speed = Gauge("tokens_per_second", null, "Tokens of a step over its time.");
    private static readonly Gauge<double> s_memory = Gauge("peak_memory", "By", "Peak memory of the device.");
    private static readonly Gauge<double> s_progress = Gauge("progress", null, "Share of the steps that are done.");
    private static readonly Counter<long> s_steps = s_meter.CreateCounter<long>(
        Prefix + "steps", null, "Optimizer steps taken.");
    private static readonly Counter<long> s_tokens = s_meter.CreateCounter<long>(
        Prefix + "tokens", null, "Tokens read.");

    private readonly KeyValuePair<string, object?> _run;
    private Activity? _activity;
    private int _totalSteps;
    private long? _tokens;

    /// <param name="run">The run's name, which every measurement carries.</param>
    public TrainingTelemetry(string run) => _run = new("run", run);

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
                s_evalLoss.Record(metrics.Loss, _run);
                Tell("evaluation", ("step", metrics.Step), ("eval_loss", metrics.Loss));
                break;
            case CheckpointSaved saved:
                Tell("checkpoint", ("step", saved.Step));
                break;
            case RunCompleted { Result: var result }:
                _activity?.SetTag("reason", result.Reason.ToString().ToLowerInvariant())
                    .SetTag("train_loss", result.TrainLoss).SetStatus(ActivityStatusCode.Ok);
                Dispose();
                break;
        }
    }

    /// <summary>Ends the trace of a run that failed; the instruments are the process's.</summary>
    public void Dispose()
    {
        _activity?.Dispose();
        _activity = null;
    }

    private void Begin(RunSummary summary)
    {
        _totalSteps = summary.TotalSteps;
        _tokens = summary.FirstStep == 0 ? 0 : null;
        _activity = s_source.StartActivity($"train {_run.Value}");
        _activity?.SetTag("run", _run.Value).SetTag("model", summary.Model).SetTag("rows", summary.TrainRows)
            .SetTag("steps", summary.TotalSteps).SetTag("first_step", summary.FirstStep);
    }

    private void Take(StepMetrics metrics)
    {
        s_steps.Add(1, _run);
        // After a resume the tokens of the first step are not known by themselves.
        if (_tokens is { } before)
            s_tokens.Add(metrics.Tokens - before, _run);
        _tokens = metrics.Tokens;
        s_loss.Record(metrics.Loss, _run);
        s_rate.Record(metrics.LearningRate, _run);
        s_norm.Record(metrics.GradNorm, _run);
        s_speed.Record(metrics.TokensPerSecond, _run);
        s_memory.Record(metrics.PeakMemoryBytes, _run);
        s_progress.Record((double)metrics.Step / Math.Max(1, _totalSteps), _run);
    }

    private void Tell(string what, params (string Name, object? Value)[] tags) => _activity?.AddEvent(
        new ActivityEvent(what, tags: [.. tags.Select(tag => KeyValuePair.Create(tag.Name, tag.Value))]));

    private static Gauge<double> Gauge(string name, string? unit, string description) =>
        s_meter.CreateGauge<double>(Prefix + name, unit, description);
}
