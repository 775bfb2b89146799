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

/// <summary>
/// A hub on this machine that speaks the real one's protocol: the API and small files on one port, storage for large
/// files behind a redirect on another.
/// </summary>
internal sealed partial class LocalHub : IAsyncDisposable
{
    private readonly WebApplication _server;
    private readonly TemporaryFolder _cache = new();
    private string _storage = "";

    private LocalHub(WebApplication server) => _server = server;

    public Uri Endpoint { get; private set; } = null!;

    public string CacheFolder => _cache.Path;

    /// <summary>Repositories by the path of their page: <c>owner/name</c> or <c>datasets/owner/name</c>.</summary>
    public ConcurrentDictionary<string, ServedRepository> Repositories { get; } = new();

    /// <summary>The token that private and gated repositories ask for.</summary>
    public const string Token = "hf_secret";

    /// <summary>Every request, as <c>METHOD host-kind path [range]</c>, with the token if it carried one.</summary>
    public ConcurrentQueue<string> Requests { get; } = new();

    /// <summary>Downloads to break off, each after so many bytes.</summary>
    public ConcurrentQueue<int> BreakAfter { get; } = new();

    /// <summary>How many requests fail with 503 before the hub recovers.</summary>
    public int Failures;

    /// <summary>How many requests to the storage fail with 503 before it recovers.</summary>
    public int StorageFailures;

    public bool IgnoresRanges { get; set; }

    /// <summary>How long the storage waits in the middle of a content.</summary>
    public TimeSpan Stall { get; set; }

    public static async Task<LocalHub> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options =>
        {
            options.Listen(IPAddress.Loopback, 0);
            options.Listen(IPAddress.Loopback, 0);
        });
        var hub = new LocalHub(builder.Build());
        hub._server.Run(hub.AnswerAsync);
        await hub._server.StartAsync();
        var addresses = hub._server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!;
        hub.Endpoint = new Uri(addresses.Addresses.First() + "/");
        hub._storage = addresses.Addresses.Last();
        return hub;
    }

    public HubSettings Settings(string? token = null, bool isOffline = false) => new()
    {
        Endpoint = Endpoint,
        CacheFolder = CacheFolder,
        Token = token,
        IsOffline = isOffline,
        // Tests of the limits set their own; no other may end because a busy machine answers late.
        AnswerTimeout = TimeSpan.FromMinutes(5),
        DownloadTimeout = TimeSpan.FromMinutes(5),
        RetryDelay = TimeSpan.FromMilliseconds(5),
    };

    public HubClient Client(string? token = null, bool isOffline = false) => new(Settings(token, isOffline));

    public ServedRepository Add(string page, params (string Path, byte[] Content)[] files)
    {
        var repository = new ServedRepository();
        foreach (var (path, content) in files)
            repository.Files[path] = content;
        return Repositories[page] = repository;
    }

    public IReadOnlyList<string> Downloads() => [.. Requests.Where(request =>
        request.StartsWith("GET", StringComparison.Ordinal) && !request.Contains("/api/"))];

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _cache.Dispose();
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var isStorage = $"{context.Request.Scheme}://{context.Request.Host}" == _storage;
        var token = context.Request.Headers.Authorization.ToString();
        Requests.Enqueue(string.Join(' ', ((string[])
        [
            context.Request.Method, isStorage ? "storage" : "hub", context.Request.Path.Value!,
            context.Request.Headers.Range.ToString(), token,
        ]).Where(part => part.Length > 0)));

        if (Interlocked.Decrement(ref Failures) >= 0
            || (isStorage && Interlocked.Decrement(ref StorageFailures) >= 0))
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        else if (isStorage)
            await AnswerFromStorageAsync(context);
        else
            await AnswerFromHubAsync(context, token);
    }

    private async Task AnswerFromHubAsync(HttpContext context, string token)
    {
        var path = context.Request.Path.Value!.Trim('/');
        if (await AnswerUploadAsync(context, path, token))
            return;
        var isApi = path.StartsWith("api/", StringComparison.Ordinal);
        var separator = isApi ? "/revision/" : "/resolve/";
        var page = path.Split(separator)[0];
        if (isApi)
            page = page["api/".Length..].Replace("models/", "");
        if (!Repositories.TryGetValue(page, out var repository)
            || (repository.IsPrivate && token != $"Bearer {Token}"))
        {
            Refuse(context, token.Length == 0 ? 401 : 404, "RepoNotFound", "Repository not found");
            return;
        }
        if (repository.IsGated && token != $"Bearer {Token}")
        {
            Refuse(context, 403, "GatedRepo", "Access to this repository is restricted");
            return;
        }

        var start = path.IndexOf(separator, StringComparison.Ordinal) + separator.Length;
        var rest = Uri.UnescapeDataString(path[start..]);
        var files = FilesAt(repository, rest, out var file);
        if (files is null)
            Refuse(context, 404, "RevisionNotFound", "Invalid rev id");
        else if (isApi)
            await ListAsync(context, repository, files);
        else
            await ServeAsync(context, repository, files, file);
    }

    private static IReadOnlyDictionary<string, byte[]>? FilesAt(
        ServedRepository repository, string rest, out string file)
    {
        const string Conversion = "refs/convert/parquet";
        foreach (var revision in (string[])["main", repository.Commit])
        {
            file = rest.Length > revision.Length ? rest[(revision.Length + 1)..] : "";
            if (rest == revision || rest.StartsWith(revision + "/", StringComparison.Ordinal))
                return repository.Files.Concat(repository.Conversion ?? []).ToDictionary();
        }
        file = "";
        return rest == Conversion ? repository.Conversion : null;
    }

    private static async Task ListAsync(
        HttpContext context, ServedRepository repository, IReadOnlyDictionary<string, byte[]> files)
    {
        var hidden = files == repository.Conversion ? [] : repository.Conversion?.Keys.ToArray() ?? [];
        await context.Response.WriteAsJsonAsync(new
        {
            sha = repository.Commit,
            siblings = files.Where(file => !hidden.Contains(file.Key))
                .Select(file => new { rfilename = file.Key, size = file.Value.Length }),
        });
    }

    private async Task ServeAsync(
        HttpContext context, ServedRepository repository, IReadOnlyDictionary<string, byte[]> files, string file)
    {
        context.Response.Headers["X-Repo-Commit"] = repository.Commit;
        if (!files.TryGetValue(file, out var content))
        {
            Refuse(context, 404, "EntryNotFound", "Entry not found");
            return;
        }
        var hash = ServedRepository.HashOf(content);
        if (content.Length >= ServedRepository.LargeFile)
        {
            context.Response.Headers["X-Linked-Etag"] = $"\"{hash}\"";
            context.Response.Headers["X-Linked-Size"] = content.Length.ToString();
            context.Response.Headers.ETag = "\"of-the-redirect\"";
            context.Response.Headers.Location = $"{_storage}/{hash}?signature=x";
            context.Response.StatusCode = StatusCodes.Status302Found;
            return;
        }
        context.Response.Headers.ETag = $"W/\"{hash}\"";
        await SendAsync(context, repository.Forged.GetValueOrDefault(file, content));
    }

    private async Task AnswerFromStorageAsync(HttpContext context)
    {
        var hash = context.Request.Path.Value!.Trim('/');
        if (await StoreAsync(context, hash))
            return;
        var (file, content, repository) = Repositories.Values
            .SelectMany(repository => repository.Files.Concat(repository.Conversion ?? []).Select(
                pair => (pair.Key, pair.Value, repository)))
            .First(found => ServedRepository.HashOf(found.Value) == hash);
        await SendAsync(context, repository.Forged.GetValueOrDefault(file, content));
    }

    private async Task SendAsync(HttpContext context, byte[] content)
    {
        var start = 0;
        if (!IgnoresRanges && context.Request.GetTypedHeaders().Range?.Ranges.Single().From is { } from)
        {
            if (from >= content.Length)
            {
                context.Response.StatusCode = StatusCodes.Status416RangeNotSatisfiable;
                return;
            }
            start = (int)from;
            context.Response.StatusCode = StatusCodes.Status206PartialContent;
            context.Response.Headers.ContentRange = $"bytes {start}-{content.Length - 1}/{content.Length}";
        }
        context.Response.ContentLength = content.Length - start;
        if (HttpMethods.IsHead(context.Request.Method))
            return;

        var isBroken = BreakAfter.TryDequeue(out var most);
        var first = isBroken ? Math.Min(most, content.Length - start) : (content.Length - start) / 2;
        await context.Response.Body.WriteAsync(content.AsMemory(start, first));
        await context.Response.Body.FlushAsync();
        if (isBroken)
        {
            context.Abort();
            return;
        }
        if (Stall != TimeSpan.Zero)
        {
            var wait = Stall;
            Stall = TimeSpan.Zero;
            await Task.Delay(wait, context.RequestAborted);
        }
        await context.Response.Body.WriteAsync(content.AsMemory(start + first));
    }

    private static void Refuse(HttpContext context, int status, string code, string message)
    {
        context.Response.StatusCode = status;
        context.Response.Headers["X-Error-Code"] = code;
        context.Response.Headers["X-Error-Message"] = message;
    }
}
