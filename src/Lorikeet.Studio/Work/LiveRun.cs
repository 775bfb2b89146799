using Lorikeet.Runs;
using Lorikeet.Training;

namespace Lorikeet.Studio.Work;

/// <summary>A run that the studio runs: how far it is, and the way to hold it up or end it.</summary>
/// <param name="name">Its name.</param>
public sealed class LiveRun(string name) : ITrainingObserver, IDisposable
{
    private const int MostMessages = 200;

    private readonly CancellationTokenSource _stop = new();
    private readonly ManualResetEventSlim _goes = new(initialState: true);
    private readonly Lock _lock = new();
    private readonly RunProgress _progress = new();
    private readonly List<TrainingEvent> _messages = [];
    private StageStarted? _stage;
    private StageProgressed? _stageProgress;

    /// <summary>Its name.</summary>
    public string Name => name;

    /// <summary>Whether it waits after the step that it was at when it was held up.</summary>
    public bool IsPaused => !_goes.IsSet;

    /// <summary>Whether it was asked to end.</summary>
    public bool IsStopping => _stop.IsCancellationRequested;

    /// <summary>Ends it after the step at hand.</summary>
    internal CancellationToken Token => _stop.Token;

    /// <summary>How far it is now.</summary>
    public LiveState State
    {
        get
        {
            lock (_lock)
            {
                return new LiveState(
                    _progress.Summary, _progress.Step, _progress.Share, _progress.Loss, _progress.TokensPerSecond,
                    _progress.SecondsLeft, _progress.Latest is null || IsAsking ? _stage : null, _stageProgress,
                    [.. _messages]);
            }
        }
    }

    private bool IsAsking => _stageProgress is { } progress && progress.Done < progress.Total;

    /// <inheritdoc/>
    public void Observe(TrainingEvent trainingEvent)
    {
        lock (_lock)
        {
            _progress.Observe(trainingEvent);
            switch (trainingEvent)
            {
                case StageStarted stage:
                    (_stage, _stageProgress) = (stage, null);
                    break;
                case StageProgressed progress:
                    _stageProgress = progress;
                    break;
                case StepCompleted:
                    _stageProgress = null;
                    break;
                case Warning or Note when _messages.Count < MostMessages:
                    _messages.Add(trainingEvent);
                    break;
            }
        }

        // The training waits for whoever watches it: held up here it is between two steps, and nothing is lost.
        if (trainingEvent is StepCompleted)
            _goes.Wait();
    }

    /// <summary>Holds it up after the step at hand; its memory stays taken.</summary>
    public void Pause()
    {
        if (!IsStopping)
            _goes.Reset();
    }

    /// <summary>Lets it go on.</summary>
    public void GoOn() => _goes.Set();

    /// <summary>Ends it after the step at hand, with a checkpoint.</summary>
    public void Stop()
    {
        _stop.Cancel();
        _goes.Set();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _goes.Set();
        _stop.Dispose();
    }
}

/// <summary>How far a run is.</summary>
/// <param name="Summary">What it is; null before it has begun.</param>
/// <param name="Step">Steps done.</param>
/// <param name="Share">Share of its steps, from 0 to 1.</param>
/// <param name="Loss">Smoothed loss.</param>
/// <param name="TokensPerSecond">Smoothed speed.</param>
/// <param name="SecondsLeft">Time that is left.</param>
/// <param name="Stage">What it does besides steps; null while it takes steps.</param>
/// <param name="StageProgress">How far that is.</param>
/// <param name="Messages">Warnings and notes.</param>
public sealed record LiveState(
    RunSummary? Summary, int Step, double Share, double? Loss, double? TokensPerSecond, double? SecondsLeft,
    StageStarted? Stage, StageProgressed? StageProgress, IReadOnlyList<TrainingEvent> Messages);
