using Lorikeet.Formats;
using Lorikeet.Hub.Transport;

namespace Lorikeet.Hub.Cache;

/// <summary>A model or dataset in the cache that all Hugging Face tools share.</summary>
public sealed class CachedRepository
{
    private const string Models = "models--";
    private const string Datasets = "datasets--";
    private const string Processes = "/proc";

    private readonly string _locks;

    private CachedRepository(string root, string name, RepositoryKind kind, string id)
    {
        (Folder, _locks, Kind, Id) = (Path.Combine(root, name), Path.Combine(root, ".locks", name), kind, id);
        var files = Files().ToList();
        Bytes = files.Sum(file => file.Length);
        LastUsed = files.Select(file => Later(file.LastAccessTimeUtc, file.LastWriteTimeUtc))
            .DefaultIfEmpty(Directory.GetLastWriteTimeUtc(Folder)).Max();
        Revisions = [.. Under("refs").Select(file => Path.GetRelativePath(Path.Combine(Folder, "refs"), file)
            .Replace('\\', '/')).Order(StringComparer.Ordinal)];
    }

    /// <summary>What it holds.</summary>
    public RepositoryKind Kind { get; }

    /// <summary>Its id on the hub.</summary>
    public string Id { get; }

    /// <summary>Where it lies.</summary>
    public string Folder { get; }

    /// <summary>What it takes of the disk.</summary>
    public long Bytes { get; }

    /// <summary>When one of its files was last read or written, as far as the disk keeps that.</summary>
    public DateTimeOffset LastUsed { get; }

    /// <summary>Branches and tags that were fetched.</summary>
    public IReadOnlyList<string> Revisions { get; }

    /// <summary>What lies in the cache, by id.</summary>
    /// <param name="settings">Where the cache is.</param>
    public static IReadOnlyList<CachedRepository> In(HubSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        if (!Directory.Exists(settings.CacheFolder))
            return [];
        return
        [
            .. Directory.EnumerateDirectories(settings.CacheFolder).Select(folder => Path.GetFileName(folder))
                .Select(name => Of(settings.CacheFolder, name)).OfType<CachedRepository>()
                .OrderBy(found => found.Kind).ThenBy(found => found.Id, StringComparer.OrdinalIgnoreCase),
        ];
    }

    /// <summary>
    /// What uses it now, so that it may not be removed: a download, or a process that has one of its files open; null
    /// for nothing. Processes of other users are not seen.
    /// </summary>
    public string? User()
    {
        if (Directory.Exists(_locks)
            && Directory.EnumerateFiles(_locks, "*.lock", SearchOption.AllDirectories).Any(IsOpen))
            return "a download";
        if (ProcessThatHolds() is { } process)
            return $"process {process}";
        return Files().Any(file => IsOpen(file.FullName)) ? "another process" : null;
    }

    /// <summary>Removes it from the disk, whole or not at all.</summary>
    /// <exception cref="ConfigurationException">It is in use.</exception>
    public void Remove()
    {
        if (User() is { } user)
        {
            throw new ConfigurationException(
                $"'{Id}' is in use by {user}, and stays. Wait until that has ended, and remove it then.");
        }

        AtomicFolder.Delete(Folder);
        if (Directory.Exists(_locks))
            Directory.Delete(_locks, recursive: true);
    }

    private static CachedRepository? Of(string root, string name)
    {
        var (kind, start) = name.StartsWith(Models, StringComparison.Ordinal) ? (RepositoryKind.Model, Models)
            : name.StartsWith(Datasets, StringComparison.Ordinal) ? (RepositoryKind.Dataset, Datasets)
            : (default, "");
        if (start.Length == 0)
            return null;
        var id = name[start.Length..].Replace("--", "/", StringComparison.Ordinal);
        return Repository.IsId(id) ? new CachedRepository(root, name, kind, id) : null;
    }

    private IEnumerable<FileInfo> Files() => Directory.EnumerateFiles(Folder, "*", SearchOption.AllDirectories)
        .Select(file => new FileInfo(file)).Where(file => file.LinkTarget is null);

    private IEnumerable<string> Under(string name) => Directory.Exists(Path.Combine(Folder, name))
        ? Directory.EnumerateFiles(Path.Combine(Folder, name), "*", SearchOption.AllDirectories)
        : [];

    // .NET locks what it opens, and so does Python's filelock; on Windows every open file is one.
    private static bool IsOpen(string file)
    {
        try
        {
            using var opened = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.None, bufferSize: 0);
            return false;
        }
        catch (FileNotFoundException)
        {
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    /// <summary>A process that has mapped a file of the repository, as models are read; Linux tells.</summary>
    private string? ProcessThatHolds()
    {
        if (!OperatingSystem.IsLinux())
            return null;
        var inside = Folder + "/";
        foreach (var process in Directory.EnumerateDirectories(Processes).Select(Path.GetFileName))
        {
            if (!int.TryParse(process, out _))
                continue;
            try
            {
                if (File.ReadLines($"{Processes}/{process}/maps")
                    .Any(line => line.Contains(inside, StringComparison.Ordinal)))
                    return process;
            }
            catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
            {
                // It ended meanwhile, or is another user's.
            }
        }

        return null;
    }

    private static DateTime Later(DateTime one, DateTime other) => one > other ? one : other;
}
