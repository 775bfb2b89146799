using System.Net;
using System.Text.Json.Nodes;
using Lorikeet.Training;

namespace Lorikeet.Runs.Mlflow;

/// <summary>
/// Keeps a run in MLflow beside its folder: options as parameters, metrics under transformers' names, reports as
/// artifacts. A thread of its own talks to the server; what cannot be delivered waits for the next try, and the last is
/// at the end. The training never waits but then, and a server that cannot be reached costs it one warning.
/// </summary>
internal sealed class MlflowLog : ITrainingObserver, IDisposable
{
    private const int MetricsOfARequest = 1000; // what MLflow allows
    private const int ParametersOfARequest = 100;
    private const int LongestParameter = 500; // of the oldest servers; newer ones allow more

    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_lastTry = TimeSpan.FromSeconds(15);

    private readonly MlflowSettings _settings;
    private readonly IReadOnlyList<KeyValuePair<string, string>> _parameters;
    private readonly LoggedMetrics _metrics;
    private readonly TimeProvider _clock;
    private readonly MlflowClient _client;
    private readonly CancellationTokenSource _over = new();
    private readonly Lock _gate = new();
    private readonly Queue<JsonObject> _waiting = [];
    private Task _sending = Task.CompletedTask;
    private DateTimeOffset _began;
    private string _status = "FAILED";
    private string? _warning;
    private bool _hasWarned;
    private (string Id, string ArtifactPlace)? _run;
    private int _parametersSent;

    /// <param name="settings">The server and the run's name.</param>
    /// <param name="parameters">The options, in the order to send them.</param>
    /// <param name="loggingSteps">Steps between reports.</param>
    /// <param name="clock">Gives each metric its time.</param>
    public MlflowLog(
        MlflowSettings settings, IEnumerable<KeyValuePair<string, string>> parameters, int loggingSteps,
        TimeProvider clock)
    {
        (_settings, _clock, _metrics) = (settings, clock, new LoggedMetrics(loggingSteps));
        _parameters = [.. parameters.Where(parameter => parameter.Value.Length <= LongestParameter)];
        _client = new MlflowClient(settings);
    }

    /// <inheritdoc/>
    public void Observe(TrainingEvent trainingEvent)
    {
        if (trainingEvent is RunStarted)
        {
            _began = _clock.GetUtcNow();
            _sending = Task.Run(SendAllAsync);
        }

        if (trainingEvent is RunCompleted { Result: var result })
            _status = result.Reason == StopReason.Interrupted ? "KILLED" : "FINISHED";
        var time = _clock.GetUtcNow().ToUnixTimeMilliseconds();
        lock (_gate)
        {
            foreach (var metric in _metrics.Of(trainingEvent).Where(metric => double.IsFinite(metric.Value)))
            {
                _waiting.Enqueue(new JsonObject
                {
                    ["key"] = metric.Name,
                    ["value"] = metric.Value,
                    ["timestamp"] = time,
                    ["step"] = metric.Step,
                });
            }
        }
    }

    /// <summary>What went wrong since it was last asked, to be said on the training's thread; else null.</summary>
    public string? TakeWarning() => Interlocked.Exchange(ref _warning, null);

    /// <summary>Sends what waits, the files, and how the run ended; a last time.</summary>
    /// <param name="files">Files with their paths among the artifacts.</param>
    public void Finish(IEnumerable<(string File, string Name)> files)
    {
        if (_over.IsCancellationRequested)
            return;
        _over.Cancel();
        _sending.Wait();
        using var patience = new CancellationTokenSource(s_lastTry);
        try
        {
            FinishAsync(files, patience.Token).GetAwaiter().GetResult();
        }
        catch (Exception fault) when (IsOfServer(fault))
        {
            _hasWarned = false; // what is lost is said, whatever was said before
            Warn($"MLflow at {_settings.Server} lacks the end of this run, of which metrics.jsonl has all", fault);
        }
    }

    /// <summary>Ends a run that failed, if it began.</summary>
    public void Dispose()
    {
        if (_began != default)
            Finish([]);
        _client.Dispose();
        _over.Dispose();
    }

    private async Task FinishAsync(IEnumerable<(string File, string Name)> files, CancellationToken cancellation)
    {
        await SendAsync(cancellation).ConfigureAwait(false);
        var (run, place) = _run!.Value;
        if (MlflowClient.TakesFiles(place))
        {
            foreach (var (file, name) in files.Where(file => File.Exists(file.File)))
                await _client.UploadAsync(place, file, name, cancellation).ConfigureAwait(false);
        }

        await _client.EndAsync(run, _status, _clock.GetUtcNow(), cancellation).ConfigureAwait(false);
    }

    private async Task SendAllAsync()
    {
        while (!_over.IsCancellationRequested)
        {
            try
            {
                await SendAsync(_over.Token).ConfigureAwait(false);
            }
            catch (Exception fault) when (IsOfServer(fault))
            {
                if (!_over.IsCancellationRequested)
                    Warn($"MLflow at {_settings.Server} does not take this run; its metrics wait, and the training "
                        + "goes on", fault);
            }

            await Task.Delay(s_pause, _over.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task SendAsync(CancellationToken cancellation)
    {
        // A beginning that is given up halfway may leave a run behind that nobody ends.
        var (run, _) = _run ??= await _client.BeginAsync(_began, CancellationToken.None).ConfigureAwait(false);
        while (_parametersSent < _parameters.Count)
        {
            var some = _parameters.Skip(_parametersSent).Take(ParametersOfARequest).ToList();
            try
            {
                await _client.LogAsync(run, [], some, cancellation).ConfigureAwait(false);
            }
            catch (HttpRequestException fault) when (fault.StatusCode == HttpStatusCode.BadRequest)
            {
                // A run that is gone on with keeps the parameters it has.
                Warn("MLflow keeps other parameters of this run", fault);
            }

            _parametersSent += some.Count;
        }

        while (Next() is { Count: > 0 } batch)
        {
            await _client.LogAsync(run, batch, [], cancellation).ConfigureAwait(false);
            Delivered(batch.Count);
        }
    }

    private JsonArray Next()
    {
        lock (_gate)
            return new([.. _waiting.Take(MetricsOfARequest).Select(metric => metric.DeepClone())]);
    }

    private void Delivered(int count)
    {
        lock (_gate)
        {
            for (; count > 0; count--)
                _waiting.Dequeue();
        }
    }

    private void Warn(string what, Exception fault)
    {
        if (_hasWarned)
            return;
        _hasWarned = true;
        _warning = $"{what}: {fault.Message.TrimEnd('.')}.";
    }

    private static bool IsOfServer(Exception fault) =>
        fault is HttpRequestException or OperationCanceledException or IOException;
}
