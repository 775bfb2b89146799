using Lorikeet.Studio.Texts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Lorikeet.Studio.Access;

/// <summary>What a reader has chosen, which the browser keeps: the language, and light or dark.</summary>
/// <param name="Language">The language.</param>
/// <param name="IsDark">Whether pages are dark; null for what the system says.</param>
public sealed record Tastes(StudioLanguage Language, bool? IsDark)
{
    private const string LanguageCookie = "language";
    private const string ThemeCookie = "theme";

    /// <summary>Those of a request.</summary>
    internal static Tastes Of(HttpContext context) => new(
        StudioLanguage.Of(context.Request.Cookies[LanguageCookie], context.Request.Headers.AcceptLanguage.ToString()),
        context.Request.Cookies[ThemeCookie] switch { "dark" => true, "light" => false, _ => null });

    /// <summary>The address that changes them and goes back to a page.</summary>
    internal static string Address(string name, string value, string page) =>
        $"/tastes?{name}={value}&to={Uri.EscapeDataString(page)}";

    /// <summary>Keeps what is chosen, and goes back to the page.</summary>
    internal static void Map(IEndpointRouteBuilder endpoints) => endpoints.MapGet(
        "/tastes", (HttpContext context, string? language, string? theme, string? to) =>
        {
            Keep(context, LanguageCookie, StudioLanguage.All.FirstOrDefault(known => known.Code == language)?.Code);
            Keep(context, ThemeCookie, theme is "dark" or "light" ? theme : null);
            var isHere = to is ['/', ..] && !to.StartsWith("//", StringComparison.Ordinal) && !to.Contains('\\');
            return Results.LocalRedirect(isHere ? to! : "/");
        });

    private static void Keep(HttpContext context, string name, string? value)
    {
        if (value is not null)
        {
            context.Response.Cookies.Append(name, value, new CookieOptions
            { SameSite = SameSiteMode.Lax, HttpOnly = true, IsEssential = true, MaxAge = TimeSpan.FromDays(400) });
        }
    }
}
