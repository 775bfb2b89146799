using System.Net.Sockets;
using Lorikeet.Runs;
using Lorikeet.Server.Access;
using Lorikeet.Server.Endpoints;
using Lorikeet.Server.Protocol;
using Lorikeet.Server.Telemetry;
using Lorikeet.Serving;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Lorikeet.Server;

/// <summary>
/// A <see cref="ModelHost"/> over HTTP in OpenAI's protocol: models, chat, completions and responses, streamed or at
/// once, with vLLM's extensions, and metrics.
/// </summary>
public sealed class ModelServer : IAsyncDisposable
{
    private const string MetricsPath = "/metrics";
    private const string HealthPath = "/health";

    private static readonly string[] s_reading = [HttpMethods.Get, HttpMethods.Head];

    private readonly WebApplication _app;
    private readonly Admission _admission;
    private readonly ServerMetrics _metrics;
    private Func<ValueTask>? _unwatch;
    private readonly TimeSpan _patience;
    private int _isStopped;

    private ModelServer(ModelHost host, ServerOptions options, Action<string> report)
    {
        var listening = Listening.Of(options);
        _patience = TimeSpan.FromSeconds(options.DrainTimeout);
        _admission = new Admission(TimeProvider.System, TimeSpan.FromSeconds(options.RequestTimeout));
        _metrics = new ServerMetrics(() => host.Statistics);

        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => listening.Configure(kestrel, options));
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton<IHostLifetime, CallersLifetime>();
        Exporters.Add(builder.Services, builder.Configuration, _metrics.MeterName);
        _app = builder.Build();

        var keys = new ApiKeys(listening.Keys);
        var pages = new WebPages(
            options.AllowedOrigins, keys.AreNeeded ? null : [options.Host, .. options.AllowedHosts]);
        var faults = new Faults(_metrics, report);
        _app.Use(next => context =>
        {
            RequestIds.Assign(context);
            WebPages.Guard(context.Response);
            return faults.Guard(context, next);
        });
        _app.Use(next => context => pages.Answer(context) ? Task.CompletedTask : next(context));
        _app.Use(next => context =>
        {
            if (context.Request.Path != HealthPath) // who only watches whether the server lives needs no key
                keys.Require(context);
            return next(context);
        });
        _app.UseOpenTelemetryPrometheusScrapingEndpoint(MetricsPath);
        _app.UseRouting();
        var sources = new AdapterSources(options.AdapterRoot, options.AllowHubAdapters);
        Map(new Service(host, _admission, _metrics, sources, TimeProvider.System));
    }

    /// <summary>Where it listens, such as http://127.0.0.1:8080.</summary>
    public Uri Address { get; private set; } = null!;

    /// <summary>Begins to listen.</summary>
    /// <param name="host">The models. It stays the caller's: dispose the server first.</param>
    /// <param name="options">Where to listen, who may ask, and how much; null for the defaults.</param>
    /// <param name="report">
    /// Hears of faults of the server and of what <see cref="ServerOptions.WatchedRun"/> brings, a line or more each.
    /// </param>
    /// <param name="cancellation">Ends the waiting for the port.</param>
    /// <exception cref="ConfigurationException">An option is wrong, or others could ask without a key.</exception>
    /// <exception cref="StorageException">The address cannot be listened on.</exception>
    public static async Task<ModelServer> Start(
        ModelHost host, ServerOptions? options = null, Action<string>? report = null,
        CancellationToken cancellation = default)
    {
        var given = options ?? new ServerOptions();
        var server = new ModelServer(host, given, report ?? (_ => { }));
        try
        {
            await server.Listen(given, cancellation);
            if (given.WatchedRun is { } run)
                await server.Watch(host, run, report ?? (_ => { }), cancellation);
            return server;
        }
        catch
        {
            await server.Release();
            throw;
        }
    }

    /// <summary>
    /// Takes no new requests, lets answers under way end within <see cref="ServerOptions.DrainTimeout"/>, ends the
    /// others, and stops listening.
    /// </summary>
    /// <returns>Whether all answers came to their end.</returns>
    public async Task<bool> Stop()
    {
        if (Interlocked.Exchange(ref _isStopped, 1) != 0)
            return true;
        if (_unwatch is not null)
            await _unwatch();
        var isWhole = await _admission.Drain(_patience);
        await _app.StopAsync();
        await Release();
        return isWhole;
    }

    /// <summary>See <see cref="Stop"/>.</summary>
    public async ValueTask DisposeAsync() => await Stop();

    private async Task Listen(ServerOptions options, CancellationToken cancellation)
    {
        try
        {
            await _app.StartAsync(cancellation);
        }
        catch (Exception fault) when (fault is IOException or SocketException)
        {
            throw Listening.Explain(fault, options);
        }

        var features = _app.Services.GetRequiredService<IServer>().Features;
        Address = new Uri(features.GetRequiredFeature<IServerAddressesFeature>().Addresses.First());
    }

    private async Task Watch(ModelHost host, string run, Action<string> report, CancellationToken cancellation)
    {
        var name = new RunFolder(run).Name;
        host.Changed += Report;
        try
        {
            var watch = await host.Watch(run, name, cancellation: cancellation);
            _unwatch = async () =>
            {
                await watch.DisposeAsync();
                host.Changed -= Report;
            };
        }
        catch
        {
            host.Changed -= Report; // the host outlives a server that did not come up
            throw;
        }

        void Report(object? _, AdapterChange change)
        {
            if (change.Name == name)
                report(change.Fault is { } fault
                    ? $"'{name}' stays as it was: {fault.Message}"
                    : $"'{name}' is now {change.Source}");
        }
    }

    private async ValueTask Release()
    {
        await _app.DisposeAsync();
        _admission.Dispose();
        _metrics.Dispose();
    }

    private void Map(Service service)
    {
        var chat = new ChatCompletions(service);
        var texts = new TextCompletions(service);
        var responses = new Responses(service);
        var models = new ModelList(service);
        var tokens = new Tokens(service);
        var adapters = new Endpoints.Adapters(service);
        var health = new Health(service);

        _app.MapMethods(HealthPath, s_reading, health.Report);
        Get("/v1/models", models.All);
        Get("/v1/models/{**id}", models.One);
        Post("/v1/chat/completions", chat.Answer).WithMetadata(new PromptArgument("messages"));
        Post("/v1/completions", texts.Answer).WithMetadata(new PromptArgument("prompt"));
        Post("/v1/responses", responses.Answer).WithMetadata(new PromptArgument("input"));
        Get("/v1/responses/{id}", responses.Get);
        Delete("/v1/responses/{id}", responses.Delete);
        Post("/tokenize", tokens.Tokenize);
        Post("/detokenize", tokens.Detokenize);
        Get("/v1/adapters", adapters.All);
        Post("/v1/adapters", adapters.Load);
        Delete("/v1/adapters/{name}", adapters.Unload);
        Post("/v1/load_lora_adapter", adapters.LoadLora);
        Post("/v1/unload_lora_adapter", adapters.UnloadLora);

        void Get(string path, RequestDelegate answer) => _app.MapMethods(path, s_reading, Let(answer));
        IEndpointConventionBuilder Post(string path, RequestDelegate answer) => _app.MapPost(path, Let(answer));
        void Delete(string path, RequestDelegate answer) => _app.MapDelete(path, Let(answer));
        RequestDelegate Let(RequestDelegate answer) => async context =>
        {
            using var visit = service.Admission.Enter(context);
            await answer(context);
        };
    }

    /// <summary>Starts and stops with the server's caller, who hears signals himself.</summary>
    private sealed class CallersLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
