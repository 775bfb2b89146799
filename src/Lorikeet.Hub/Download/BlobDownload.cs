using System.Net;
using System.Net.Http.Headers;
using Lorikeet.Hub.Transport;
using Polly.Timeout;

namespace Lorikeet.Hub.Download;

/// <summary>Fetches one content into the cache: resumed where an earlier try stopped, checked, then renamed.</summary>
internal sealed class BlobDownload(HubTransport transport, HubErrors errors, HubSettings settings)
{
    private const int MostInterruptions = 5;
    private const int BufferSize = 1 << 18;

    // For content without a length; hubs send the length of everything large.
    private const long LongestUnannounced = 64 << 20;

    // Less than this between two interruptions is no progress.
    private const long Gain = 1 << 20;

    /// <summary>Where a content grows until it is whole.</summary>
    public static string PartialOf(string blob) => blob + ".incomplete";

    /// <summary>Downloads a file to <paramref name="blob"/>.</summary>
    /// <param name="repository">The repository.</param>
    /// <param name="path">The file's path in it.</param>
    /// <param name="remote">What the hub said about the file.</param>
    /// <param name="blob">Where the content goes.</param>
    /// <param name="onBytes">Called with every number of bytes gained, or lost when a download begins anew.</param>
    /// <param name="cancellation">Stops the download; what has come stays for the next time.</param>
    public async Task RunAsync(
        Repository repository,
        string path,
        RemoteFile remote,
        string blob,
        Action<long> onBytes,
        CancellationToken cancellation)
    {
        var partial = new FileInfo(PartialOf(blob));
        Directory.CreateDirectory(partial.DirectoryName!);
        var isResumed = partial.Exists && partial.Length > 0;
        if (isResumed)
            onBytes(partial.Length);

        await CompleteAsync(repository, path, remote, partial, onBytes, cancellation).ConfigureAwait(false);
        if (await FindFaultAsync(partial, remote, cancellation).ConfigureAwait(false) is { } fault)
        {
            Discard(partial, onBytes);
            if (!isResumed)
                throw Damaged(repository, path, fault);
            // What an earlier run left may have been damaged: once more from the start.
            await RunAsync(repository, path, remote, blob, onBytes, cancellation).ConfigureAwait(false);
            return;
        }
        File.Move(partial.FullName, blob, overwrite: true);
    }

    private async Task CompleteAsync(
        Repository repository,
        string path,
        RemoteFile remote,
        FileInfo partial,
        Action<long> onBytes,
        CancellationToken cancellation)
    {
        for (var interruptions = 0; ;)
        {
            partial.Refresh();
            var before = partial.Exists ? partial.Length : 0;
            if (before > remote.Size)
                Discard(partial, onBytes);
            else if (before == remote.Size && partial.Exists)
                return;

            try
            {
                await AppendAsync(repository, path, remote, partial, onBytes, cancellation).ConfigureAwait(false);
                return;
            }
            catch (Exception fault) when (IsInterruption(fault, cancellation))
            {
                partial.Refresh();
                var gained = (partial.Exists ? partial.Length : 0) - before;
                interruptions = gained >= Gain ? 0 : interruptions + 1;
                // Silence has taken its whole time already.
                if (interruptions >= MostInterruptions
                    || (gained <= 0 && fault is not (HttpRequestException or IOException)))
                    throw errors.Unreachable(repository, fault);
                await Task.Delay(settings.RetryDelay * (1 << interruptions), cancellation).ConfigureAwait(false);
            }
        }
    }

    private static bool IsInterruption(Exception fault, CancellationToken cancellation) =>
        fault is HttpRequestException or IOException or TimeoutException or TimeoutRejectedException
        || (fault is OperationCanceledException && !cancellation.IsCancellationRequested);

    /// <summary>Asks for what is missing and appends what comes.</summary>
    private async Task AppendAsync(
        Repository repository,
        string path,
        RemoteFile remote,
        FileInfo partial,
        Action<long> onBytes,
        CancellationToken cancellation)
    {
        partial.Refresh();
        var have = partial.Exists ? partial.Length : 0;
        HttpRequestMessage Create(Uri uri)
        {
            var request = new HttpRequestMessage(HttpMethod.Get, uri);
            if (have > 0)
                request.Headers.Range = new RangeHeaderValue(have, null);
            return request;
        }

        // The hub's address again, not the storage's: the latter is signed and expires.
        using var response = await transport.SendAsync(
            Create, transport.AddressOf(repository.FilePath(remote.Commit, path)), stopAtOtherHost: false, cancellation)
            .ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable && have > 0)
        {
            Discard(partial, onBytes);
            await AppendAsync(repository, path, remote, partial, onBytes, cancellation).ConfigureAwait(false);
            return;
        }
        if (!response.IsSuccessStatusCode)
            throw errors.Refused(repository, remote.Commit, path, response);
        var isContinued = response.StatusCode == HttpStatusCode.PartialContent
            && response.Content.Headers.ContentRange?.From == have;
        if (!isContinued)
            Discard(partial, onBytes);
        partial.Refresh();
        var rest = (remote.Size ?? LongestUnannounced) - (partial.Exists ? partial.Length : 0);
        if (!await CopyAsync(repository, response.Content, partial.FullName, rest, onBytes, cancellation)
            .ConfigureAwait(false))
        {
            Discard(partial, onBytes);
            throw Damaged(repository, path, remote.Size is { } size
                ? $"more came than the {size} bytes that were announced"
                : $"no length was announced, and more than {LongestUnannounced >> 20} MiB came");
        }
    }

    /// <summary>Appends what comes; false as soon as it is more than <paramref name="rest"/>.</summary>
    private async Task<bool> CopyAsync(
        Repository repository,
        HttpContent content,
        string partial,
        long rest,
        Action<long> onBytes,
        CancellationToken cancellation)
    {
        using var patience = new Patience(settings.DownloadTimeout, cancellation);
        var source = await content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        var target = OnDisk(repository, () =>
            new FileStream(partial, FileMode.Append, FileAccess.Write, FileShare.Read, bufferSize: 0));
        await using (source.ConfigureAwait(false))
        await using (target.ConfigureAwait(false))
        {
            var buffer = new byte[BufferSize];
            int read;
            while ((read = await ReadAsync(patience, source, buffer, cancellation).ConfigureAwait(false)) > 0)
            {
                if ((rest -= read) < 0)
                    return false;
                OnDisk(repository, () => target.Write(buffer, 0, read));
                onBytes(read);
            }
            OnDisk(repository, () => target.Flush(flushToDisk: true));
        }
        return true;
    }

    private async Task<int> ReadAsync(
        Patience patience, Stream source, byte[] buffer, CancellationToken cancellation)
    {
        try
        {
            return await patience.ReadAsync(source, buffer).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new TimeoutException(
                $"nothing came for {settings.DownloadTimeout.TotalSeconds:0.##} seconds " +
                "(HF_HUB_DOWNLOAD_TIMEOUT sets the limit)");
        }
    }

    /// <summary>What the disk refuses is no interruption of the network: a repetition would not help.</summary>
    private T OnDisk<T>(Repository repository, Func<T> write)
    {
        try
        {
            return write();
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw errors.Cache(repository, fault);
        }
    }

    private void OnDisk(Repository repository, Action write) => OnDisk(repository, () =>
    {
        write();
        return true;
    });

    private static void Discard(FileInfo partial, Action<long> onBytes)
    {
        partial.Refresh();
        if (!partial.Exists)
            return;
        onBytes(-partial.Length);
        partial.Delete();
    }

    private static async Task<string?> FindFaultAsync(
        FileInfo partial, RemoteFile remote, CancellationToken cancellation)
    {
        partial.Refresh();
        if (remote.Size is { } size && partial.Length != size)
            return $"it is {partial.Length} bytes long instead of {size}";
        var hash = await ContentHash.OfFileAsync(partial.FullName, remote.ETag, cancellation).ConfigureAwait(false);
        return hash is null || hash == remote.ETag ? null : $"its hash is {hash} instead of {remote.ETag}";
    }

    private static HubException Damaged(Repository repository, string path, string fault) => new(
        $"The file '{path}' of '{repository.Id}' arrived damaged: {fault}. It was deleted. Try again; if it happens " +
        "again, a proxy or mirror on the way changes it.");
}
