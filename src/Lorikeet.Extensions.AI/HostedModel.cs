using Lorikeet.Serving;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Lorikeet.Extensions.AI;

/// <summary>
/// A model of an application: loaded once, when it is first needed, and released with the container. A load that
/// failed is tried again by the next request.
/// </summary>
internal sealed partial class HostedModel(string? name, LorikeetOptions options, ILogger<HostedModel> logger)
    : IAsyncDisposable, IDisposable
{
    private readonly CancellationTokenSource _ending = new();
    private readonly Lock _lock = new();
    private Task<Loaded>? _loading;
    private bool _isDisposed;

    /// <summary>What logs call the model.</summary>
    public string Name { get; } = string.IsNullOrEmpty(name) ? options.Model : name;

    public LorikeetOptions Options { get; } = options;

    /// <summary>The load that is under way or over; null before the first request.</summary>
    public Task? Loading => _loading;

    /// <summary>The host, if the model is loaded.</summary>
    public ModelHost? Current => _loading is { IsCompletedSuccessfully: true } loaded ? loaded.Result.Host : null;

    /// <summary>The host, as soon as the model is loaded.</summary>
    /// <exception cref="LorikeetException">It cannot be loaded.</exception>
    public async Task<ModelHost> Host(CancellationToken cancellation)
    {
        Task<Loaded> loading;
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_loading is null or { IsFaulted: true })
            {
                _loading = Task.Factory.StartNew(
                    Load, _ending.Token, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            }

            loading = _loading;
        }

        return (await loading.WaitAsync(cancellation).ConfigureAwait(false)).Host;
    }

    /// <summary>Ends the host, then the model; a load that is under way is cancelled first.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            if (_isDisposed)
                return;
            _isDisposed = true;
        }

        await _ending.CancelAsync().ConfigureAwait(false);
        if (_loading is { } loading)
        {
            await ((Task)loading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (loading.IsCompletedSuccessfully)
            {
                await loading.Result.Host.DisposeAsync().ConfigureAwait(false);
                loading.Result.Model.Dispose();
            }
        }

        _ending.Dispose();
    }

    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    private Loaded Load()
    {
        LogLoading(Name);
        var model = LanguageModel.Load(Options.Model, Options.ToLoading(), cancellation: _ending.Token);
        try
        {
            foreach (var warning in model.Warnings)
                LogWarning(Name, warning);
            var host = ModelHost.Start(model, Options.Engine);
            var models = string.Join(", ", host.Models.Select(served => served.Name));
            LogLoaded(Name, models);
            return new Loaded(model, host);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Loading the model {Name}.")]
    private partial void LogLoading(string name);

    [LoggerMessage(Level = LogLevel.Information, Message = "The model {Name} is loaded and answers as {Models}.")]
    private partial void LogLoaded(string name, string models);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The model {Name}: {Warning}")]
    private partial void LogWarning(string name, string warning);

    private sealed record Loaded(LanguageModel Model, ModelHost Host);
}
