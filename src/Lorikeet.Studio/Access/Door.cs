using System.Security.Cryptography;
using Lorikeet.Server;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Studio.Access;

/// <summary>
/// Who comes in: by the server's rules for hosts and origins, and, where a key is set, with that key or the cookie that
/// was given for it. What a page may do in a browser is said in its headers.
/// </summary>
/// <param name="rules">The rules.</param>
internal sealed class Door(AccessRules rules)
{
    /// <summary>Where a key is asked for.</summary>
    public const string SignIn = "/sign-in";

    private const string Cookie = "lorikeet-studio";
    private const string Scheme = "Bearer ";

    // Of this process alone: whoever has it has shown the key.
    private readonly byte[] _pass = RandomNumberGenerator.GetBytes(32);

    /// <summary>Answers those who may not come in; the others go on.</summary>
    public Task Pass(HttpContext context, RequestDelegate next)
    {
        Guard(context.Response.Headers);
        if (rules.Refusal(context.Request) is { } refusal)
            return Refuse(context, StatusCodes.Status403Forbidden, refusal);
        if (!rules.NeedsKey || IsOpen(context.Request.Path) || Knows(context.Request))
            return next(context);
        if (HttpMethods.IsGet(context.Request.Method) && AcceptsPages(context.Request))
        {
            context.Response.Redirect(SignIn);
            return Task.CompletedTask;
        }

        return Refuse(context, StatusCodes.Status401Unauthorized, "The studio needs its key. Sign in first.");
    }

    /// <summary>Lets the bearer of a right key in from now on.</summary>
    /// <returns>Whether the key is right.</returns>
    public bool Open(HttpContext context, string key)
    {
        if (!rules.IsKey(key))
            return false;
        context.Response.Cookies.Append(Cookie, Convert.ToHexString(_pass), new CookieOptions
        {
            HttpOnly = true,
            SameSite = SameSiteMode.Strict,
            Secure = context.Request.IsHttps,
            IsEssential = true,
        });
        return true;
    }

    private static bool IsOpen(PathString path) => path == SignIn || path.StartsWithSegments("/assets");

    private static bool AcceptsPages(HttpRequest request) =>
        request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase);

    private bool Knows(HttpRequest request)
    {
        var header = request.Headers.Authorization.ToString();
        if (header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            && rules.IsKey(header[Scheme.Length..].Trim()))
            return true;
        var given = request.Cookies[Cookie] ?? "";
        return given.Length == 2 * _pass.Length && given.All(char.IsAsciiHexDigit)
            && CryptographicOperations.FixedTimeEquals(Convert.FromHexString(given), _pass);
    }

    /// <summary>
    /// A page shows what comes from here alone, in no other page's frame, and sends its address nowhere.
    /// </summary>
    private static void Guard(IHeaderDictionary headers)
    {
        // Components set their sizes in style attributes.
        headers.ContentSecurityPolicy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
            + "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'";
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()";
        headers.CacheControl = "no-store";
    }

    private static Task Refuse(HttpContext context, int status, string message)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync(message);
    }
}
