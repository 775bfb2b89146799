using Lorikeet.Formats;
using Lorikeet.Hub.Transport;

namespace Lorikeet.Hub.Cache;

/// <summary>
/// The cache that all Hugging Face tools share. Contents are blobs by their hash; a snapshot is a folder of relative
/// links to them by commit; a ref is a file that names the commit of a branch or tag.
/// </summary>
/// <remarks>Source: the hub's documentation, "Hub local cache", which specifies it for other languages.</remarks>
internal sealed class HubCache(string root)
{
    private const int LongestReference = 1000;

    public string Root => root;

    /// <summary>The repository's folder.</summary>
    public string FolderOf(Repository repository) => Path.Combine(root, repository.CacheFolder);

    public string BlobOf(Repository repository, string etag) => Path.Combine(FolderOf(repository), "blobs", etag);

    public string LockOf(Repository repository, string etag) =>
        Path.Combine(root, ".locks", repository.CacheFolder, etag + ".lock");

    /// <summary>The folder of a commit's files.</summary>
    public string SnapshotOf(Repository repository, string commit) =>
        Path.Combine(FolderOf(repository), "snapshots", commit);

    /// <summary>The commit a revision stood for when it was last fetched; null when it never was.</summary>
    public string? CommitOf(Repository repository, string revision)
    {
        if (HubName.IsCommit(revision))
            return revision;
        var reference = new FileInfo(ReferenceOf(repository, revision));
        // What else stands there, other tools or a damaged disk have written.
        return reference is { Exists: true, Length: < LongestReference }
            && File.ReadAllText(reference.FullName).Trim() is var commit && HubName.IsCommit(commit)
            ? commit
            : null;
    }

    /// <summary>Remembers the commit that a revision stands for.</summary>
    public void SetCommit(Repository repository, string revision, string commit)
    {
        if (!HubName.IsCommit(revision) && CommitOf(repository, revision) != commit)
            AtomicFile.WriteText(ReferenceOf(repository, revision), commit);
    }

    /// <summary>The snapshot of a revision, whole as far as it can tell by itself; null when it is not here.</summary>
    public string? FindSnapshot(Repository repository, string revision)
    {
        if (CommitOf(repository, revision) is not { } commit)
            return null;
        var snapshot = SnapshotOf(repository, commit);
        return Directory.Exists(snapshot) && Directory.EnumerateFileSystemEntries(snapshot).Any() ? snapshot : null;
    }

    /// <summary>A file that a snapshot's weight index names and that is not here; null when all are.</summary>
    public static string? FindMissingShard(string snapshot)
    {
        foreach (var index in Directory.EnumerateFiles(snapshot, "*.index.json").Where(File.Exists))
        {
            var missing = ShardsOf(index).FirstOrDefault(shard => !File.Exists(Path.Combine(snapshot, shard)));
            if (missing is not null)
                return missing;
        }
        return null;
    }

    /// <summary>The files that an index names; what is wrong with it, loading says in its own words.</summary>
    private static IEnumerable<string> ShardsOf(string index)
    {
        try
        {
            return HubAnswer.Parse(File.ReadAllBytes(index), problem => new HubException($"{index}: {problem}."))
                .Find("weight_map")?.Properties.Select(entry => entry.Value.Text).Distinct().ToList() ?? [];
        }
        catch (HubException)
        {
            return [];
        }
    }

    /// <summary>Whether an earlier request learned that a commit has no such file.</summary>
    public bool IsKnownMissing(Repository repository, string commit, string file) =>
        File.Exists(MarkerOf(repository, commit, file));

    /// <summary>Remembers that a commit has no such file.</summary>
    public void MarkMissing(Repository repository, string commit, string file)
    {
        var marker = MarkerOf(repository, commit, file);
        Directory.CreateDirectory(Path.GetDirectoryName(marker)!);
        File.WriteAllBytes(marker, []);
    }

    /// <summary>Makes a blob a file of a snapshot: a relative link, or the file itself where links fail.</summary>
    public static void Link(string pointer, string blob)
    {
        var folder = Path.GetDirectoryName(pointer)!;
        Directory.CreateDirectory(folder);
        // A link to a blob that was deleted counts as no file, but still holds the name.
        File.Delete(pointer);
        try
        {
            File.CreateSymbolicLink(pointer, Path.GetRelativePath(folder, blob));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            File.Move(blob, pointer, overwrite: true);
        }
    }

    private string ReferenceOf(Repository repository, string revision) =>
        Path.Combine([FolderOf(repository), "refs", .. revision.Split('/')]);

    private string MarkerOf(Repository repository, string commit, string file) =>
        Path.Combine([FolderOf(repository), ".no_exist", commit, .. file.Split('/')]);
}
