using System.Globalization;
using System.Net;
using Lorikeet.Hub.Transport;

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

        var what = $"list the files of the {repository.Noun} '{repository.Id}'";
        var answer = await transport.ReadAsync(response, what, cancellation).ConfigureAwait(false);
        var commit = answer["sha"].Text;
        if (!HubName.IsCommit(commit))
            throw errors.Unsafe(repository, "the commit", commit);
        var files = answer["siblings"].Items
            .Select(file => new ListedFile(file["rfilename"].Text, file.Find("size")?.Size))
            .DistinctBy(file => file.Path);
        return new RevisionListing(commit, [.. files]);
    }

    /// <summary>What the hub says about a file; null when the revision has none of that name.</summary>
    /// <param name="repository">The repository.</param>
    /// <param name="revision">A branch, tag or commit.</param>
    /// <param name="file">Path in the repository.</param>
    /// <param name="onMissing">Called with the commit that has no such file.</param>
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
        if (commit is not null && !HubName.IsCommit(commit))
            throw errors.Unsafe(repository, "the commit", commit);
        if (response.StatusCode == HttpStatusCode.NotFound && Header(response, "X-Error-Code") == "EntryNotFound")
        {
            if (commit is not null)
                onMissing(commit);
            return null;
        }
        if ((int)response.StatusCode >= 400)
            throw errors.Refused(repository, revision, file, response);

        var tag = (Header(response, "X-Linked-Etag") ?? Header(response, "ETag"))?.Replace("W/", "").Trim('"');
        if (commit is null || tag is null)
        {
            throw errors.Unexpected(
                $"describe '{file}' of '{repository.Id}'", "it does not say which commit and content the file has");
        }
        if (!HubName.IsTag(tag))
            throw errors.Unsafe(repository, $"the content of '{file}'", tag);
        var size = long.TryParse(Header(response, "X-Linked-Size"), CultureInfo.InvariantCulture, out var linked)
            ? linked
            : response.Content.Headers.ContentLength;
        return new RemoteFile(commit, tag, size >= 0 ? size : null);
    }

    private static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) ? values.First() : null;
}
