using System.Collections.Concurrent;
using System.Net;
using Lorikeet.Hub.Transport;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Lorikeet.Hub.Tests.Serving;

/// <summary>A server in the hub's place that answers whatever a test wants.</summary>
internal sealed class ScriptedServer : IAsyncDisposable
{
    public const string Commit = "0123456789abcdef0123456789abcdef01234567";

    private readonly WebApplication _server;
    private readonly TemporaryFolder _folder = new();

    private ScriptedServer(WebApplication server) => _server = server;

    public Uri Endpoint { get; private set; } = null!;

    /// <summary>A folder around the cache; nothing but the cache may change in it.</summary>
    public string Folder => _folder.Path;

    public string CacheFolder => _folder.File("home", "hub");

    /// <summary>The Authorization header of every request, empty where there is none.</summary>
    public ConcurrentQueue<string> Authorizations { get; } = new();

    public static async Task<ScriptedServer> StartAsync(Func<HttpContext, Task> answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options => options.Listen(IPAddress.Loopback, 0));
        var server = new ScriptedServer(builder.Build());
        server._server.Run(async context =>
        {
            server.Authorizations.Enqueue(context.Request.Headers.Authorization.ToString());
            await answer(context);
        });
        await server._server.StartAsync();
        var addresses = server._server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!;
        server.Endpoint = new Uri(addresses.Addresses.First() + "/");
        return server;
    }

    /// <summary>Answers listings and files as a hub does.</summary>
    /// <param name="context">The request.</param>
    /// <param name="listing">The listing; by default one of config.json.</param>
    /// <param name="commit">The commit that files claim.</param>
    /// <param name="tag">The tag that files claim.</param>
    public static async Task AnswerAsync(
        HttpContext context, string? listing = null, string commit = Commit, string tag = "0123456789")
    {
        if (IsListing(context))
        {
            await context.Response.WriteAsync(listing ?? Listing(Commit, "config.json"));
            return;
        }
        context.Response.Headers["X-Repo-Commit"] = commit;
        context.Response.Headers.ETag = $"\"{tag}\"";
        context.Response.ContentLength = 2;
        if (HttpMethods.IsGet(context.Request.Method))
            await context.Response.WriteAsync("{}");
    }

    public static bool IsListing(HttpContext context) => context.Request.Path.StartsWithSegments("/api");

    public static string Listing(string commit, params string[] files) => System.Text.Json.JsonSerializer.Serialize(
        new { sha = commit, siblings = files.Select(file => new { rfilename = file, size = 2 }) });

    /// <summary>A client of this hub; seconds that it waits for answers, and for bytes of files.</summary>
    public HubClient Client(
        double answers = 120, double downloads = 120, string? token = null, Uri? endpoint = null,
        Action<string>? note = null) => new(
        new HubSettings
        {
            Endpoint = endpoint ?? Endpoint,
            CacheFolder = CacheFolder,
            Token = token,
            AnswerTimeout = TimeSpan.FromSeconds(answers),
            DownloadTimeout = TimeSpan.FromSeconds(downloads),
            RetryDelay = TimeSpan.FromMilliseconds(2),
        },
        note);

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _folder.Dispose();
    }
}
