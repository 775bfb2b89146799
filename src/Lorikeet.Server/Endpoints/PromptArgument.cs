using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server.Endpoints;

/// <summary>The argument of an endpoint that becomes the prompt: what to shorten where that is too long.</summary>
/// <param name="Name">Its name.</param>
internal sealed record PromptArgument(string Name)
{
    /// <summary>That of the endpoint which a request went to; null where it has none.</summary>
    public static string? Of(HttpContext context) =>
        context.GetEndpoint()?.Metadata.GetMetadata<PromptArgument>()?.Name;
}
