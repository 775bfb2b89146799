using System.Net;
using System.Net.Http.Headers;
using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Http.Resilience;
using Polly;
using Polly.Timeout;

namespace Lorikeet.Hub.Transport;

/// <summary>
/// Speaks HTTP with the hub: the token goes to the hub's own address only, redirects are followed by hand and never
/// from https to http, what fails for a moment is asked again (Microsoft.Extensions.Http.Resilience), and no wait or
/// answer is without end.
/// </summary>
internal sealed class HubTransport : IDisposable
{
    private const string Requests = "requests";
    private const string Uploads = "uploads";
    private const int MostRedirects = 10;
    private const int MostRetries = 4;

    // A list of a hundred thousand files has about this length.
    private const int LongestAnswer = 24 << 20;

    // How many times the limit of silence an answer that trickles may take.
    private const int Trickle = 12;
    private const int UploadPatience = 30;

    private static readonly ProductInfoHeaderValue s_program = new("lorikeet", typeof(HubTransport).Assembly
        .GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0]);

    private readonly HubSettings _settings;
    private readonly HubErrors _errors;
    private readonly ServiceProvider _services;
    private readonly IHttpClientFactory _clients;

    public HubTransport(HubSettings settings, HubErrors errors)
    {
        _settings = settings;
        _errors = errors;
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
            if (NextAddress(address, response) is not { } next)
                return response;
            if (stopAtOtherHost && !IsHub(next))
                return response;
            response.Dispose();
            if (redirects == MostRedirects)
                throw _errors.Unexpected("the request", $"it redirects more than {MostRedirects} times");
            address = next;
        }
    }

    /// <summary>Sends a request with a large body, which may take as long as it takes while it moves.</summary>
    public async Task<HttpResponseMessage> SendUploadAsync(HttpRequestMessage request, CancellationToken cancellation)
    {
        var patience = _settings.DownloadTimeout * UploadPatience;
        using var stall = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        stall.CancelAfter(patience);
        if (request.Content is FileRangeContent range)
            range.OnSent = () => stall.CancelAfter(patience);
        try
        {
            return await SendAsync(Uploads, request, stall.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new TimeoutException(
                $"nothing moved for {patience.TotalSeconds:0} seconds (HF_HUB_DOWNLOAD_TIMEOUT sets a "
                + $"{UploadPatience}th of it)");
        }
    }

    /// <summary>Reads the JSON of an answer.</summary>
    /// <param name="response">The answer.</param>
    /// <param name="what">What was asked for, in a sentence.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public async Task<HubAnswer> ReadAsync(HttpResponseMessage response, string what, CancellationToken cancellation) =>
        HubAnswer.Parse(
            await ReadBytesAsync(response, what, cancellation).ConfigureAwait(false),
            problem => _errors.Unexpected(what, problem));

    /// <summary>Reads an answer whole, which is bounded in length and time.</summary>
    public async Task<byte[]> ReadBytesAsync(
        HttpResponseMessage response, string what, CancellationToken cancellation)
    {
        if (response.Content.Headers.ContentLength > LongestAnswer)
            throw TooLong();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        end.CancelAfter(_settings.AnswerTimeout * Trickle);
        using var body = new MemoryStream();
        try
        {
            var source = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
            await using (source.ConfigureAwait(false))
            {
                var patience = new Patience(_settings.AnswerTimeout, end.Token);
                using (patience)
                {
                    var buffer = new byte[1 << 16];
                    int read;
                    while ((read = await patience.ReadAsync(source, buffer).ConfigureAwait(false)) > 0)
                    {
                        body.Write(buffer, 0, read);
                        if (body.Length > LongestAnswer)
                            throw TooLong();
                    }
                }
            }
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new TimeoutException(
                $"its answer stopped in the middle for {_settings.AnswerTimeout.TotalSeconds:0.##} seconds "
                + "(HF_HUB_ETAG_TIMEOUT sets the limit)");
        }
        catch (IOException fault)
        {
            throw new HttpRequestException(fault.Message, fault);
        }
        return body.ToArray();

        HubException TooLong() => _errors.Unexpected(what, $"it has more than {LongestAnswer >> 20} MiB");
    }

    public void Dispose() => _services.Dispose();

    private async Task<HttpResponseMessage> SendAsync(
        string client, HttpRequestMessage request, CancellationToken cancellation)
    {
        request.Headers.UserAgent.Add(s_program);
        // Compression on the way would change lengths and tags.
        request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue("identity"));
        if (_settings.Token is not null && IsHub(request.RequestUri!))
            request.Headers.Authorization ??= new AuthenticationHeaderValue("Bearer", _settings.Token);
        using var http = _clients.CreateClient(client);
        return await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation)
            .ConfigureAwait(false);
    }

    /// <summary>Whether an address is the hub's own: same scheme, host and port, or the same host by https.</summary>
    internal static bool IsSameOrigin(Uri hub, Uri address)
    {
        if (!string.Equals(address.IdnHost, hub.IdnHost, StringComparison.OrdinalIgnoreCase))
            return false;
        return (address.Scheme == hub.Scheme && address.Port == hub.Port)
            || (address.Scheme == Uri.UriSchemeHttps && address.IsDefaultPort && hub.IsDefaultPort);
    }

    /// <summary>Whether what follows a redirect is as hard to read and change on the way as what led there.</summary>
    internal static bool IsAsSafe(Uri from, Uri to) => to.Scheme == Uri.UriSchemeHttps
        || (to.Scheme == Uri.UriSchemeHttp && from.Scheme == to.Scheme);

    private bool IsHub(Uri address) => IsSameOrigin(_settings.Endpoint, address);

    private Uri? NextAddress(Uri address, HttpResponseMessage response)
    {
        if ((int)response.StatusCode is not (301 or 302 or 303 or 307 or 308)
            || response.Headers.Location is not { } location)
            return null;
        var next = new Uri(address, location);
        if (IsAsSafe(address, next))
            return next;
        response.Dispose();
        throw _errors.Unexpected(
            "the request",
            $"it redirects from {address.Scheme} to {next.Scheme}, where anyone could read and change it");
    }

    private void AddClient(ServiceCollection services, string name, TimeSpan? timeout)
    {
        var retry = new HttpRetryStrategyOptions
        {
            MaxRetryAttempts = MostRetries,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Delay = _settings.RetryDelay,
        };
        // Silence took its whole time already, and a server may ask for a wait of days.
        var isTransient = retry.ShouldHandle;
        retry.ShouldHandle = async attempt => attempt.Outcome.Exception is not TimeoutRejectedException
            && RetryAfter(attempt.Outcome.Result) <= _settings.AnswerTimeout
            && await isTransient(attempt).ConfigureAwait(false);
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

    /// <summary>How long a server asks to wait; zero when it does not.</summary>
    private static TimeSpan RetryAfter(HttpResponseMessage? response) => response?.Headers.RetryAfter switch
    {
        { Delta: { } delay } => delay,
        { Date: { } date } => date - TimeProvider.System.GetUtcNow(),
        _ => TimeSpan.Zero,
    };
}
