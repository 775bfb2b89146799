using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server.Access;

/// <summary>A name for each request, which OpenAI's clients show with errors: the client's own, or a new one.</summary>
internal static class RequestIds
{
    public const string Header = "X-Request-Id";

    private const int Longest = 128;

    /// <summary>Names the response.</summary>
    public static void Assign(HttpContext context)
    {
        var given = context.Request.Headers[Header].ToString();
        var isPlain = given.Length is > 0 and <= Longest && given.All(letter => letter is > ' ' and <= '~');
        context.Response.Headers[Header] = isPlain ? given : $"req_{Guid.NewGuid():N}";
    }
}
