using System.Net.Sockets;
using Lorikeet.Server;
using Lorikeet.Studio.Access;
using Lorikeet.Studio.Assets;
using Lorikeet.Studio.Records;
using Lorikeet.Studio.Texts;
using Lorikeet.Studio.Work;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MudBlazor.Services;

namespace Lorikeet.Studio;

/// <summary>The studio: pages in the browser to see data, start and watch runs, compare, ask and export.</summary>
public sealed class StudioServer : IAsyncDisposable
{
    private const int LargestMessage = 1 << 20;

    private readonly WebApplication _app;
    private int _isStopped;

    private StudioServer(StudioOptions options, string program, Action<string> report)
    {
        var rules = new AccessRules(options.Access);
        var places = new StudioPlaces(
            Path.GetFullPath(options.Runs), Path.GetFullPath(options.Data), options.Model, program);
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(rules.Configure);
        Register(builder.Services, places, rules);
        builder.Logging.AddProvider(new FaultLog(report));
        _app = builder.Build();

        var door = _app.Services.GetRequiredService<Door>();
        _app.Use(next => context => door.Pass(context, next));
        _app.UseResponseCompression();
        _app.UseRouting();
        _app.UseAntiforgery();
        StudioAssets.Map(_app);
        Tastes.Map(_app);
        _app.MapRazorComponents<App>().AddInteractiveServerRenderMode(
            mode => mode.ContentSecurityFrameAncestorsPolicy = null); // the door says more
    }

    /// <summary>Where it listens, such as http://127.0.0.1:8090.</summary>
    public Uri Address { get; private set; } = null!;

    /// <summary>Begins to listen, and goes on with the runs that wait.</summary>
    /// <param name="options">Where to listen, who may come, and where runs and data lie; null for the defaults.</param>
    /// <param name="program">How the commands begin that are shown to be copied.</param>
    /// <param name="report">Hears of faults that no page could show.</param>
    /// <param name="cancellation">Ends the waiting for the port.</param>
    /// <exception cref="ConfigurationException">An option is wrong, or others could come without a key.</exception>
    /// <exception cref="StorageException">
    /// The address cannot be listened on, or the folder of runs not written.
    /// </exception>
    public static async Task<StudioServer> Start(
        StudioOptions? options = null, string program = "lorikeet", Action<string>? report = null,
        CancellationToken cancellation = default)
    {
        var given = options ?? new StudioOptions();
        var server = new StudioServer(given, program, report ?? (_ => { }));
        try
        {
            await server._app.StartAsync(cancellation);
        }
        catch (Exception fault) when (fault is IOException or SocketException)
        {
            await server._app.DisposeAsync();
            throw new AccessRules(given.Access).Explain(fault);
        }

        var features = server._app.Services.GetRequiredService<IServer>().Features;
        server.Address = new Uri(features.GetRequiredFeature<IServerAddressesFeature>().Addresses.First());
        return server;
    }

    /// <summary>Stops: a run that is under way finishes its step and saves.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isStopped, 1) != 0)
            return;
        await _app.StopAsync(CancellationToken.None);
        await _app.DisposeAsync();
    }

    private static void Register(IServiceCollection services, StudioPlaces places, AccessRules rules)
    {
        services.AddSingleton(places).AddSingleton(TimeProvider.System);
        services.AddSingleton<IHostLifetime, CallersLifetime>();
        services.AddSingleton(new Door(rules));
        // What is encrypted need not outlive the process, and no key of it lies on the disk.
        services.AddDataProtection();
        services.Replace(ServiceDescriptor.Singleton<IDataProtectionProvider, EphemeralDataProtectionProvider>());
        services.AddHttpContextAccessor();
        // Pages alone: assets are compressed once, and what is encrypted is left as it is.
        services.AddResponseCompression(compression => compression.MimeTypes = ["text/html"]);
        services.AddRazorComponents().AddInteractiveServerComponents()
            .AddHubOptions(hub => hub.MaximumReceiveMessageSize = LargestMessage);
        services.AddMudServices();
        services.AddScoped<Words>();
        services.AddSingleton<RunHistoryStore>().AddSingleton<RunShelf>().AddSingleton<RunQueue>();
        services.AddSingleton<DataFiles>().AddSingleton<ModelDesk>().AddSingleton<ExportQueue>();
        services.AddHostedService(provider => provider.GetRequiredService<RunQueue>());
        // A step and its checkpoint may take long; nothing is cut off.
        services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromMinutes(30));
    }

    /// <summary>Starts and stops with the server's caller, who hears signals himself.</summary>
    private sealed class CallersLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
