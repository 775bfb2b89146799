using Lorikeet.Server.Protocol;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server.Access;

/// <summary>
/// What pages in a browser may ask. A server on loopback without a key trusts who reaches it, and every page that its
/// user looks at reaches it: a page of another origin is refused, and so is a name that somebody points at this machine
/// (DNS rebinding).
/// </summary>
internal sealed class WebPages
{
    private const string Any = "*";
    private const string AllowedHeaders = "authorization, content-type";

    private static readonly string[] s_loopback = ["localhost", "127.0.0.1", "[::1]"];

    private readonly HashSet<string> _origins;
    private readonly HashSet<string>? _hosts;

    /// <param name="origins">Origins whose pages may ask, such as https://app.example; * for all.</param>
    /// <param name="hosts">Names that the server is called by, beside those of loopback; null for any.</param>
    public WebPages(IEnumerable<string> origins, IEnumerable<string>? hosts)
    {
        _origins = new(origins.Select(origin => origin.TrimEnd('/')), StringComparer.OrdinalIgnoreCase);
        _hosts = hosts is null ? null : new(hosts.Concat(s_loopback), StringComparer.OrdinalIgnoreCase);
    }

    /// <summary>
    /// What an answer tells a browser: it is what it says it is, no page, for nobody's frame, and not to be kept.
    /// </summary>
    public static void Guard(HttpResponse response) => response.OnStarting(() =>
    {
        var headers = response.Headers;
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers.ContentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'";
        headers["Referrer-Policy"] = "no-referrer";
        if (headers.CacheControl.Count == 0)
            headers.CacheControl = "no-store";
        return Task.CompletedTask;
    });

    /// <summary>Refuses, or allows by headers, what a page asks.</summary>
    /// <returns>Whether the request only asked if it may ask, and is answered.</returns>
    /// <exception cref="ApiException">The host's name or the page's origin is strange.</exception>
    public bool Answer(HttpContext context)
    {
        var request = context.Request;
        if (Refusal(request) is { } refusal)
            throw new ApiException(StatusCodes.Status403Forbidden, refusal);
        var origin = request.Headers.Origin.ToString();
        if (origin.Length == 0)
            return false;

        var headers = context.Response.Headers;
        headers.AccessControlAllowOrigin = origin;
        headers.Vary = "Origin";
        if (!HttpMethods.IsOptions(request.Method))
            return false;
        headers.AccessControlAllowMethods = "GET, POST, DELETE";
        headers.AccessControlAllowHeaders =
            request.Headers.AccessControlRequestHeaders is { Count: > 0 } asked ? asked : AllowedHeaders;
        headers.AccessControlMaxAge = "600";
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        return true;
    }

    /// <summary>
    /// Why a request is refused: the host's name or the page's origin is strange; null where it is not.
    /// </summary>
    public string? Refusal(HttpRequest request)
    {
        if (_hosts is not null && !_hosts.Contains(request.Host.Host))
        {
            return $"The header Host is '{request.Host.Host}', which this server is not called. Use its address, or "
                + "start it with the option allow_host.";
        }

        var origin = request.Headers.Origin.ToString();
        if (origin.Length == 0 && _hosts is not null && IsPartOfAnotherPage(request.Headers)
            && !_origins.Contains(Any))
        {
            return "A page of another site may not ask this server. Start it with the option allow_origin to let "
                + "pages of an origin ask, and ask with CORS.";
        }

        return origin.Length == 0 || IsAllowed(origin, request)
            ? null
            : $"Pages of the origin '{origin}' may not ask this server. Start it with the option allow_origin to let "
                + "them.";
    }

    // Pictures and scripts are fetched without an origin; who follows a link from elsewhere looks at it himself.
    private static bool IsPartOfAnotherPage(IHeaderDictionary headers) =>
        headers["Sec-Fetch-Site"].ToString() is "cross-site" or "same-site"
        && headers["Sec-Fetch-Mode"].ToString() != "navigate";

    private bool IsAllowed(string origin, HttpRequest request) =>
        _origins.Contains(Any) || _origins.Contains(origin)
        || string.Equals(origin, $"{request.Scheme}://{request.Host}", StringComparison.OrdinalIgnoreCase);
}
