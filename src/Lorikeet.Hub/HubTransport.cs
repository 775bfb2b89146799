using System.Net;
using System.Net.Http.Headers;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Http.Resilience;
using Polly;

namespace Lorikeet.Hub;

/// <summary>
/// Speaks HTTP with the hub: the token goes to the hub's own host only, redirects are followed by hand, and what
/// fails for a moment is asked again (Microsoft.Extensions.Http.Resilience).
/// </summary>
internal sealed class HubTransport : IDisposable
{
    private const string Requests = "requests";
    private const string Uploads = "uploads";
    private const int MostRedirects = 10;
    private const int MostRetries = 4;

    private readonly HubSettings _settings;
    private readonly ServiceProvider _services;
    private readonly IHttpClientFactory _clients;

    public HubTransport(HubSettings settings)
    {
        _settings = settings;
        var services = new ServiceCollection();
        AddClient(services, Requests, settings.AnswerTimeout);
        AddClient(services, Uploads, timeout: null);
        _services = services.BuildServiceProvider();
        _clients = _services.GetRequiredService<IHttpClientFactory>();
    }

    /// <summary>An address of the hub.</summary>
    public Uri AddressOf(string path) => new(_settings.Endpoint, path);

    /// <summary>Sends a request, follows redirects, and returns when the answer's headers are there.</summary>
    /// <param name="create">Makes the request for an address; called once per redirect.</param>
    /// <param name="address">Where it goes first.</param>
    /// <param name="stopAtOtherHost">Whether a redirect to another host is itself the answer.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public async Task<HttpResponseMessage> SendAsync(
        Func<Uri, HttpRequestMessage> create, Uri address, bool stopAtOtherHost, CancellationToken cancellation)
    {
        for (var redirects = 0; ; redirects++)
        {
            using var request = create(address);
            var response = await SendAsync(Requests, request, cancellation).ConfigureAwait(false);
            if (NextAddress(address, response) is not { } next || redirects == MostRedirects)
                return response;
            if (stopAtOtherHost && !IsHub(next))
                return response;
            response.Dispose();
            address = next;
        }
    }

    /// <summary>Sends a request with a large body, which may take as long as it takes.</summary>
    public Task<HttpResponseMessage> SendUploadAsync(HttpRequestMessage request, CancellationToken cancellation) =>
        SendAsync(Uploads, request, cancellation);

    public void Dispose() => _services.Dispose();

    private async Task<HttpResponseMessage> SendAsync(
        string client, HttpRequestMessage request, CancellationToken cancellation)
    {
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue("lorikeet", "0.1.0"));
        // Compression on the way would change lengths and tags.
        request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue("identity"));
        if (_settings.Token is not null && IsHub(request.RequestUri!))
            request.Headers.Authorization ??= new AuthenticationHeaderValue("Bearer", _settings.Token);
        using var http = _clients.CreateClient(client);
        return await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation)
            .ConfigureAwait(false);
    }

    private bool IsHub(Uri address) => address.Authority == _settings.Endpoint.Authority;

    private static Uri? NextAddress(Uri address, HttpResponseMessage response) =>
        (int)response.StatusCode is 301 or 302 or 303 or 307 or 308 && response.Headers.Location is { } location
            ? new Uri(address, location)
            : null;

    private void AddClient(ServiceCollection services, string name, TimeSpan? timeout)
    {
        var retry = new HttpRetryStrategyOptions
        {
            MaxRetryAttempts = MostRetries,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Delay = _settings.RetryDelay,
        };
        // Creating a repository or a commit twice is not the same as once.
        retry.DisableFor(HttpMethod.Post);

        services.AddHttpClient(name, client => client.Timeout = Timeout.InfiniteTimeSpan)
            .ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler
            {
                AllowAutoRedirect = false,
                AutomaticDecompression = DecompressionMethods.None,
                ConnectTimeout = _settings.AnswerTimeout,
            })
            .AddResilienceHandler(name, pipeline =>
            {
                pipeline.AddRetry(retry);
                if (timeout is { } limit)
                    pipeline.AddTimeout(limit);
            });
    }
}
