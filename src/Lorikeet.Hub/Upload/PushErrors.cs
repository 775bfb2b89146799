using System.Net;
using System.Text.Json.Nodes;

namespace Lorikeet.Hub.Upload;

/// <summary>What refusals of a push mean, and what to do about each.</summary>
internal sealed class PushErrors(HubErrors errors)
{
    private const string Right = "the right to write to it";

    /// <summary>The error for a push without a token.</summary>
    public HubException NoToken(string id) => new(
        $"Nothing can be pushed to '{id}' without a token. {errors.TokenAdvice(Right)}");

    /// <summary>The error for a push while nothing may be sent.</summary>
    public static HubException Offline(string id) => new(
        $"Nothing can be pushed to '{id}' while HF_HUB_OFFLINE is set. Unset it.");

    /// <summary>The error for a content that the storage refuses.</summary>
    public static HubException Storage(Repository repository, UploadFile file, string reason) => new(
        $"The hub's storage refuses '{file.Path}' for '{repository.Id}': {reason}. Try again; if it is about space, " +
        "the account's storage is full.");

    /// <summary>Throws unless a step of the push succeeded.</summary>
    /// <param name="repository">The repository.</param>
    /// <param name="step">What was to be done, as "could not ...".</param>
    /// <param name="response">The answer.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public async Task RequireSuccessAsync(
        Repository repository, string step, HttpResponseMessage response, CancellationToken cancellation)
    {
        if (response.IsSuccessStatusCode)
            return;
        var said = Reason(await response.Content.ReadAsStringAsync(cancellation).ConfigureAwait(false));
        var problem = $"The push to '{repository.Id}' could not {step}: the hub answered {(int)response.StatusCode} " +
            $"({response.StatusCode}){(said is null ? "" : $" and says: {said.TrimEnd('.')}")}.";
        throw new HubException(response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden
            ? $"{problem} {errors.TokenAdvice(Right)}"
            : $"{problem} Nothing was committed; try again.");
    }

    private static string? Reason(string body)
    {
        try
        {
            return JsonNode.Parse(body)?["error"]?.ToString();
        }
        catch (System.Text.Json.JsonException)
        {
            return null;
        }
    }
}
