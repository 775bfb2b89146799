using System.Net;
using Lorikeet.Formats;
using Lorikeet.Hub.Transport;

namespace Lorikeet.Hub.Upload;

/// <summary>What refusals of a push mean, and what to do about each.</summary>
internal sealed class PushErrors(HubErrors errors)
{
    private const string Right = "the right to write to it";
    private const int LongestSaying = 500;
    private const int LongestBody = 1 << 16;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

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
        var said = Reason(await ReadStartAsync(response, cancellation).ConfigureAwait(false));
        var problem = $"The push to '{repository.Id}' could not {step}: the hub answered {(int)response.StatusCode} " +
            $"({response.StatusCode}){(said is null ? "" : $" and says: {said.TrimEnd('.')}")}.";
        throw new HubException(response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden
            ? $"{problem} {errors.TokenAdvice(Right)}"
            : $"{problem} Nothing was committed; try again.");
    }

    /// <summary>
    /// Requires an address that the hub names for a content to be one that is as safe as the hub's own.
    /// </summary>
    public static Uri RequireAddress(Uri hub, HubAnswer address)
    {
        if (Uri.TryCreate(hub, address.Text, out var uri)
            && HubTransport.IsAsSafe(hub, uri))
            return uri;
        throw address.Wrong(hub.Scheme == Uri.UriSchemeHttps ? "an https address" : "an http address");
    }

    private static string? Reason(byte[] body)
    {
        try
        {
            return HubAnswer.Parse(body, problem => new HubException(problem)).Find("error")?.Text is { } text
                ? VisibleText.InOneLine(text, LongestSaying)
                : null;
        }
        catch (HubException)
        {
            return null;
        }
    }

    /// <summary>The start of a refusal's body, as far as it comes soon.</summary>
    private static async Task<byte[]> ReadStartAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        end.CancelAfter(Patience);
        var start = new byte[LongestBody];
        try
        {
            var source = await response.Content.ReadAsStreamAsync(end.Token).ConfigureAwait(false);
            await using (source.ConfigureAwait(false))
                return start[..await source.ReadAtLeastAsync(start, start.Length, false, end.Token)
                    .ConfigureAwait(false)];
        }
        catch (Exception fault) when (
            fault is HttpRequestException or IOException
            || (fault is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            return [];
        }
    }
}
