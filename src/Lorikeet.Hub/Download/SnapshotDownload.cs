using Lorikeet.Hub.Cache;
using Lorikeet.Hub.Transport;

namespace Lorikeet.Hub.Download;

/// <summary>Brings the needed files of a revision into the cache.</summary>
internal sealed class SnapshotDownload(
    HubReader reader, BlobDownload blobs, HubCache cache, HubErrors errors, TimeSpan patience,
    IProgress<HubProgress>? progress)
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
        var missing = files.Where(file => !File.Exists(PointerOf(repository, snapshot, file.Path))).ToList();
        // As floating point, for a server may claim sizes that together are beyond all numbers.
        long? total = missing.TrueForAll(file => file.Size is not null)
            ? (long)Math.Min(missing.Sum(file => (double)file.Size!), long.MaxValue / 2)
            : null;
        RequireSpace(repository, total ?? 0);

        var options = new ParallelOptions { MaxDegreeOfParallelism = FilesAtOnce, CancellationToken = cancellation };
        await Parallel.ForEachAsync(missing, options, async (file, stop) =>
        {
            void OnBytes(long bytes) => Report(file.Path, missing.Count, Interlocked.Add(ref _bytesDone, bytes), total);
            await FetchAsync(repository, commit, file, OnBytes, stop).ConfigureAwait(false);
            Interlocked.Increment(ref _filesDone);
            OnBytes(0);
        }).ConfigureAwait(false);
        return snapshot;
    }

    /// <summary>Downloads one file unless it is there; null when the revision has none of that name.</summary>
    public async Task<string?> FetchAsync(
        Repository repository, string revision, ListedFile listed, Action<long> onBytes, CancellationToken cancellation)
    {
        var file = listed.Path;
        var remote = await reader.DescribeAsync(
            repository, revision, file, commit => cache.MarkMissing(repository, commit, file), cancellation)
            .ConfigureAwait(false);
        if (remote is null)
            return null;

        cache.SetCommit(repository, revision, remote.Commit);
        var pointer = PointerOf(repository, cache.SnapshotOf(repository, remote.Commit), file);
        var blob = cache.BlobOf(repository, remote.ETag);
        using var held = await FileLock.AcquireAsync(
            cache.LockOf(repository, remote.ETag), BlobDownload.PartialOf(blob), patience, cancellation)
            .ConfigureAwait(false);
        if (File.Exists(pointer))
            return pointer;
        if (!File.Exists(blob))
            await blobs.RunAsync(
                repository, file, remote with { Size = remote.Size ?? listed.Size }, blob, onBytes,
                cancellation).ConfigureAwait(false);
        HubCache.Link(pointer, blob);
        return pointer;
    }

    // The list comes from a server: no name in it may lead out of the cache.
    private string PointerOf(Repository repository, string snapshot, string file) => HubName.IsPath(file)
        ? Path.Combine([snapshot, .. file.Split('/')])
        : throw errors.Unsafe(repository, "a file", file);

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
