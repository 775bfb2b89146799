using Lorikeet.Hub.Cache;

namespace Lorikeet.Hub.Download;

/// <summary>Brings the needed files of a revision into the cache.</summary>
internal sealed class SnapshotDownload(
    HubReader reader, BlobDownload blobs, HubCache cache, IProgress<HubProgress>? progress)
{
    private const int FilesAtOnce = 4;

    private int _filesDone;
    private long _bytesDone;

    /// <summary>Downloads what is missing and returns the snapshot's folder.</summary>
    public async Task<string> RunAsync(
        Repository repository,
        string commit,
        IReadOnlyList<ListedFile> files,
        CancellationToken cancellation)
    {
        var snapshot = cache.SnapshotOf(repository, commit);
        var missing = files.Where(file => !File.Exists(PointerOf(snapshot, file.Path))).ToList();
        var total = missing.TrueForAll(file => file.Size is not null) ? missing.Sum(file => file.Size) : null;
        RequireSpace(repository, total ?? 0);

        var options = new ParallelOptions { MaxDegreeOfParallelism = FilesAtOnce, CancellationToken = cancellation };
        await Parallel.ForEachAsync(missing, options, async (file, stop) =>
        {
            void OnBytes(long bytes) => Report(file.Path, missing.Count, Interlocked.Add(ref _bytesDone, bytes), total);
            await FetchAsync(repository, commit, file.Path, OnBytes, stop).ConfigureAwait(false);
            Interlocked.Increment(ref _filesDone);
            OnBytes(0);
        }).ConfigureAwait(false);
        return snapshot;
    }

    /// <summary>Downloads one file unless it is there; null when the revision has none of that name.</summary>
    public async Task<string?> FetchAsync(
        Repository repository, string revision, string file, Action<long> onBytes, CancellationToken cancellation)
    {
        var remote = await reader.DescribeAsync(
            repository, revision, file, commit => cache.MarkMissing(repository, commit, file), cancellation)
            .ConfigureAwait(false);
        if (remote is null)
            return null;

        cache.SetCommit(repository, revision, remote.Commit);
        var pointer = PointerOf(cache.SnapshotOf(repository, remote.Commit), file);
        using var held = await FileLock.AcquireAsync(cache.LockOf(repository, remote.ETag), cancellation)
            .ConfigureAwait(false);
        if (File.Exists(pointer))
            return pointer;
        var blob = cache.BlobOf(repository, remote.ETag);
        if (!File.Exists(blob))
            await blobs.RunAsync(repository, file, remote, blob, onBytes, cancellation).ConfigureAwait(false);
        HubCache.Link(pointer, blob);
        return pointer;
    }

    private static string PointerOf(string snapshot, string file)
    {
        var pointer = Path.GetFullPath(Path.Combine([snapshot, .. file.Split('/')]));
        // The list comes from a server: no name in it may lead out of the cache.
        return pointer.StartsWith(Path.GetFullPath(snapshot) + Path.DirectorySeparatorChar, StringComparison.Ordinal)
            ? pointer
            : throw new HubException(
                $"The hub lists a file '{file}', which lies outside its repository. It was refused.");
    }

    private void Report(string file, int count, long bytes, long? total) =>
        progress?.Report(new HubProgress(file, _filesDone, count, bytes, total));

    private void RequireSpace(Repository repository, long bytes)
    {
        Directory.CreateDirectory(cache.Root);
        var free = new DriveInfo(cache.Root).AvailableFreeSpace;
        if (bytes > free)
        {
            throw new HubException(
                $"The {repository.Noun} '{repository.Id}' needs {bytes / 1e9:F1} GB, and {cache.Root} has " +
                $"{free / 1e9:F1} GB free. Free some space, or set HF_HUB_CACHE to a folder on a larger disk.");
        }
    }
}
