using System.Net;
using System.Text.Json;

namespace Lorikeet.Hub.Download;

/// <summary>Asks the hub what a repository holds.</summary>
internal sealed class HubReader(HubTransport transport, HubErrors errors)
{
    /// <summary>The files of a revision.</summary>
    public async Task<RevisionListing> ListAsync(
        Repository repository, string revision, CancellationToken cancellation)
    {
        var address = transport.AddressOf($"{repository.Api}/revision/{Uri.EscapeDataString(revision)}?blobs=true");
        using var response = await transport.SendAsync(
            uri => new HttpRequestMessage(HttpMethod.Get, uri), address, stopAtOtherHost: false, cancellation)
            .ConfigureAwait(false);
        if (!response.IsSuccessStatusCode)
            throw errors.Refused(repository, revision, file: null, response);

        using var json = JsonDocument.Parse(
            await response.Content.ReadAsByteArrayAsync(cancellation).ConfigureAwait(false));
        var files = json.RootElement.GetProperty("siblings").EnumerateArray().Select(file => new ListedFile(
            file.GetProperty("rfilename").GetString()!,
            file.TryGetProperty("size", out var size) && size.TryGetInt64(out var bytes) ? bytes : null));
        return new RevisionListing(json.RootElement.GetProperty("sha").GetString()!, [.. files]);
    }

    /// <summary>What the hub says about a file; null when the revision has none of that name.</summary>
    /// <param name="repository">The repository.</param>
    /// <param name="revision">A branch, tag or commit.</param>
    /// <param name="file">Path in the repository.</param>
    /// <param name="onMissing">Told the commit that has no such file.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public async Task<RemoteFile?> DescribeAsync(
        Repository repository, string revision, string file, Action<string> onMissing, CancellationToken cancellation)
    {
        // Large files redirect to their storage; the hub's own answer, before it, names the commit and the hash.
        using var response = await transport.SendAsync(
            uri => new HttpRequestMessage(HttpMethod.Head, uri),
            transport.AddressOf(repository.FilePath(revision, file)), stopAtOtherHost: true, cancellation)
            .ConfigureAwait(false);
        var commit = Header(response, "X-Repo-Commit");
        if (response.StatusCode == HttpStatusCode.NotFound && Header(response, "X-Error-Code") == "EntryNotFound")
        {
            if (commit is not null)
                onMissing(commit);
            return null;
        }
        if ((int)response.StatusCode >= 400)
            throw errors.Refused(repository, revision, file, response);

        var tag = (Header(response, "X-Linked-Etag") ?? Header(response, "ETag"))?.Replace("W/", "").Trim('"');
        if (commit is null || tag is null || !IsName(commit) || !IsName(tag))
        {
            throw new HubException(
                $"The server at {transport.AddressOf("")} does not say which commit and content '{file}' of " +
                $"'{repository.Id}' has. A Hugging Face hub was expected. Check HF_ENDPOINT and the proxy.");
        }
        var size = long.TryParse(Header(response, "X-Linked-Size"), out var linked)
            ? linked
            : response.Content.Headers.ContentLength;
        return new RemoteFile(commit, tag, size);
    }

    // Both become names of files in the cache.
    private static bool IsName(string text) => text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');

    private static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) ? values.First() : null;
}
