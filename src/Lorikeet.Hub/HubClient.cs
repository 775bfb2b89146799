using Lorikeet.Hub.Cache;
using Lorikeet.Hub.Download;
using Lorikeet.Hub.Transport;
using Lorikeet.Hub.Upload;
using Polly.Timeout;

namespace Lorikeet.Hub;

/// <summary>
/// Turns the name of a model or dataset into a folder: a local one, or a repository of the Hugging Face hub through
/// the cache that all Hugging Face tools share.
/// </summary>
/// <remarks>Nothing is asked of the network before a repository is named. Safe to share between threads.</remarks>
public sealed class HubClient : IDisposable
{
    private const string DefaultRevision = "main";

    // How many times the limit of silence another process may hold a lock without writing.
    private const int LockPatience = 30;

    // Where the hub keeps the tables it made itself of datasets in other forms.
    private const string ParquetRevision = "refs/convert/parquet";

    private readonly HubSettings _settings;
    private readonly HubCache _cache;
    private readonly HubErrors _errors;
    private readonly HubTransport _transport;
    private readonly HubReader _reader;

    private readonly Action<string>? _note;

    /// <summary>Creates a client.</summary>
    /// <param name="settings">Where the hub and its cache are; by default what the environment says.</param>
    /// <param name="note">Called with what the user should know although it is no error.</param>
    public HubClient(HubSettings? settings = null, Action<string>? note = null)
    {
        _note = note;
        _settings = settings ?? HubSettings.FromEnvironment();
        _cache = new HubCache(_settings.CacheFolder);
        _errors = new HubErrors(_settings);
        _transport = new HubTransport(_settings, _errors);
        _reader = new HubReader(_transport, _errors);
    }

    /// <summary>Where the hub and its cache are.</summary>
    public HubSettings Settings => _settings;

    /// <summary>Whether text can be the id of a repository: <c>owner/name</c>, or a name alone.</summary>
    public static bool IsId(string text) => Repository.IsId(text);

    /// <inheritdoc cref="ResolveAsync"/>
    public string Resolve(
        string folderOrId,
        RepositoryKind kind,
        string? revision = null,
        Func<IReadOnlyList<string>, IReadOnlyList<string>>? select = null,
        IProgress<HubProgress>? progress = null,
        CancellationToken cancellation = default) =>
        ResolveAsync(folderOrId, kind, revision, select, progress, cancellation).GetAwaiter().GetResult();

    /// <summary>The folder of a model or dataset.</summary>
    /// <param name="folderOrId">
    /// A local file or folder, which is returned as it is, or an id: <c>owner/name</c>.
    /// </param>
    /// <param name="kind">What an id names.</param>
    /// <param name="revision">Branch, tag or commit of the repository; by default <c>main</c>.</param>
    /// <param name="select">
    /// Picks the files to fetch from the paths of the repository; by default <see cref="NeededFiles"/>.
    /// </param>
    /// <param name="progress">Receives how far a download is.</param>
    /// <param name="cancellation">Stops a download; what has come is kept for the next time.</param>
    /// <returns>The local path, or the snapshot's folder in the cache.</returns>
    /// <exception cref="HubException">
    /// The name is no folder and no id, the hub refuses or cannot be reached, it is offline and not cached, or a file
    /// arrived damaged. The message says what to do.
    /// </exception>
    public async Task<string> ResolveAsync(
        string folderOrId,
        RepositoryKind kind,
        string? revision = null,
        Func<IReadOnlyList<string>, IReadOnlyList<string>>? select = null,
        IProgress<HubProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(folderOrId);
        if (Path.Exists(folderOrId))
            return folderOrId;
        if (!Repository.IsId(folderOrId))
            throw HubErrors.NoSuchPath(folderOrId, kind);

        RequireRevision(revision);

        var repository = new Repository(kind, folderOrId);
        try
        {
            if (_settings.IsOffline)
                return FindCached(repository, revision ?? DefaultRevision);
            return await FetchAsync(repository, revision, select, progress, cancellation).ConfigureAwait(false);
        }
        catch (Exception fault) when (Translate(repository, fault, cancellation) is { } error)
        {
            if (!error.IsTransient || FindWhole(repository, revision ?? DefaultRevision) is not { } snapshot)
            {
                if (error == fault)
                    throw;
                throw error;
            }
            _note?.Invoke($"{error.Message} Meanwhile the copy in the cache is used: {snapshot}");
            return snapshot;
        }
    }

    /// <summary>One file of a repository, fetched when it is not in the cache.</summary>
    /// <param name="id">The repository's id.</param>
    /// <param name="kind">What it holds.</param>
    /// <param name="file">The file's path in it.</param>
    /// <param name="revision">Branch, tag or commit; by default <c>main</c>.</param>
    /// <param name="cancellation">Stops the download.</param>
    /// <returns>The file's path in the cache, or null when the repository has no such file.</returns>
    /// <exception cref="HubException">As for <see cref="ResolveAsync"/>.</exception>
    public async Task<string?> ResolveFileAsync(
        string id,
        RepositoryKind kind,
        string file,
        string? revision = null,
        CancellationToken cancellation = default)
    {
        if (!Repository.IsId(id))
            throw HubErrors.NoSuchPath(id, kind);
        RequireRevision(revision);
        var repository = new Repository(kind, id);
        if (!HubName.IsPath(file))
            throw _errors.Unsafe(repository, "a file", file);
        var wanted = revision ?? DefaultRevision;
        var commit = _cache.CommitOf(repository, wanted);
        if (_settings.IsOffline || commit == wanted)
        {
            var cached = commit is null ? null : Path.Combine(_cache.SnapshotOf(repository, commit), file);
            if (File.Exists(cached))
                return cached;
            if (commit is not null && _cache.IsKnownMissing(repository, commit, file))
                return null;
            if (_settings.IsOffline)
                throw HubErrors.NotCached(repository, wanted, _cache.FolderOf(repository), file);
        }
        try
        {
            return await CreateDownload(progress: null).FetchAsync(
                repository, wanted, new ListedFile(file, null), _ => { }, cancellation).ConfigureAwait(false);
        }
        catch (Exception fault) when (Translate(repository, fault, cancellation) is { } error && error != fault)
        {
            throw error;
        }
    }

    /// <summary>Publishes a folder as a commit on the hub.</summary>
    /// <param name="push">What goes where.</param>
    /// <param name="progress">Receives how far the large files are.</param>
    /// <param name="cancellation">Stops the upload; nothing is committed then.</param>
    /// <exception cref="ConfigurationException">The folder or the id is not one to push.</exception>
    /// <exception cref="HubException">There is no token, or the hub refuses; the message says what to do.</exception>
    public async Task<PushedCommit> PushAsync(
        HubPush push, IProgress<HubProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(push);
        var files = PushCheck.Require(push);
        var errors = new PushErrors(_errors);
        if (_settings.IsOffline)
            throw PushErrors.Offline(push.Id);
        if (_settings.Token is null)
            throw errors.NoToken(push.Id);
        try
        {
            return await new FolderUpload(_transport, errors, progress).RunAsync(push, files, cancellation)
                .ConfigureAwait(false);
        }
        catch (IOException fault) when (fault is not HttpIOException)
        {
            throw new CheckpointException(
                $"A file of '{push.Folder}' cannot be read: {fault.Message.TrimEnd('.')}. Nothing was committed.",
                fault);
        }
        catch (Exception fault)
            when (Translate(new Repository(push.Kind, push.Id), fault, cancellation) is { } error && error != fault)
        {
            throw error;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _transport.Dispose();

    private string FindCached(Repository repository, string revision)
    {
        var snapshot = _cache.FindSnapshot(repository, revision)
            ?? (repository.Kind == RepositoryKind.Dataset ? _cache.FindSnapshot(repository, ParquetRevision) : null)
            ?? throw HubErrors.NotCached(repository, revision, _cache.FolderOf(repository));
        return HubCache.FindMissingShard(snapshot) is { } missing
            ? throw HubErrors.NotCached(repository, revision, _cache.FolderOf(repository), missing)
            : snapshot;
    }

    private async Task<string> FetchAsync(
        Repository repository,
        string? revision,
        Func<IReadOnlyList<string>, IReadOnlyList<string>>? select,
        IProgress<HubProgress>? progress,
        CancellationToken cancellation)
    {
        var wanted = revision ?? DefaultRevision;
        var listing = await _reader.ListAsync(repository, wanted, cancellation).ConfigureAwait(false);
        if (repository.Kind == RepositoryKind.Dataset && revision is null && !listing.Files.Any(HasRows))
        {
            wanted = ParquetRevision;
            listing = await ListConversionAsync(repository, cancellation).ConfigureAwait(false);
        }

        select ??= repository.Kind == RepositoryKind.Model ? NeededFiles.OfModel : NeededFiles.OfDataset;
        var paths = select([.. listing.Files.Select(file => file.Path)]).ToHashSet();
        if (paths.Count == 0)
        {
            throw new HubException(
                $"The {repository.Noun} '{repository.Id}' has none of the files that are needed. " +
                $"A repository of a {repository.Noun} was expected. " +
                $"Look at {_settings.ShownEndpoint}{repository.Page} for what it holds.");
        }

        var needed = listing.Files.Where(file => paths.Contains(file.Path)).ToList();
        var snapshot = await CreateDownload(progress).RunAsync(repository, listing.Commit, needed, cancellation)
            .ConfigureAwait(false);
        _cache.SetCommit(repository, wanted, listing.Commit);
        return snapshot;
    }

    private async Task<RevisionListing> ListConversionAsync(Repository repository, CancellationToken cancellation)
    {
        try
        {
            return await _reader.ListAsync(repository, ParquetRevision, cancellation).ConfigureAwait(false);
        }
        catch (HubException fault) when (!fault.IsTransient)
        {
            throw new HubException(
                $"The dataset '{repository.Id}' has no data files (parquet, json, csv, txt), only a loading script " +
                "or other formats, and the hub has made no tables of it. Scripts of others are never run. Name a " +
                "dataset with data files, or convert this one.",
                fault);
        }
    }

    private SnapshotDownload CreateDownload(IProgress<HubProgress>? progress) =>
        new(
        _reader, new BlobDownload(_transport, _errors, _settings), _cache, _errors,
        _settings.DownloadTimeout * LockPatience, progress);

    // A script and its notes are no data; the hub's own conversion of what it yields is.
    private static bool HasRows(ListedFile file) =>
        NeededFiles.IsData(file.Path) && file.Path is not ("dataset_infos.json" or "requirements.txt");

    /// <summary>
    /// The user's error for a fault; the fault itself if it is one, null for what is none of the hub's.
    /// </summary>
    private HubException? Translate(Repository repository, Exception fault, CancellationToken cancellation) =>
        fault switch
        {
            HubException error => error,
            HttpRequestException or HttpIOException or TimeoutException or TimeoutRejectedException =>
                _errors.Unreachable(repository, fault),
            OperationCanceledException when !cancellation.IsCancellationRequested =>
                _errors.Unreachable(repository, fault),
            IOException or UnauthorizedAccessException => _errors.Cache(repository, fault),
            _ => null,
        };

    private string? FindWhole(Repository repository, string revision) =>
        _cache.FindSnapshot(repository, revision) is { } snapshot && HubCache.FindMissingShard(snapshot) is null
            ? snapshot
            : null;

    private static void RequireRevision(string? revision)
    {
        if (revision is not null && !HubName.IsRevision(revision))
            throw HubErrors.NoRevision(revision);
    }
}
