using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Lorikeet.Hub.Transport;

namespace Lorikeet.Hub.Upload;

/// <summary>Makes a folder a commit on the hub: repository, large files, then one commit with everything.</summary>
/// <remarks>Source: the hub's HTTP API as huggingface_hub and huggingface.js use it.</remarks>
internal sealed class FolderUpload
{
    private readonly HubTransport _transport;
    private readonly PushErrors _errors;
    private readonly IProgress<HubProgress>? _progress;
    private readonly LargeFileUpload _largeFiles;
    private long _bytesDone;

    public FolderUpload(HubTransport transport, PushErrors errors, IProgress<HubProgress>? progress)
    {
        _transport = transport;
        _errors = errors;
        _progress = progress;
        _largeFiles = new LargeFileUpload(transport, errors);
    }

    /// <summary>Pushes files to a repository, which is created when it is missing.</summary>
    public async Task<PushedCommit> RunAsync(
        HubPush push, IReadOnlyList<UploadFile> files, CancellationToken cancellation)
    {
        var repository = new Repository(push.Kind, await FullIdAsync(push.Id, cancellation).ConfigureAwait(false));
        await CreateAsync(repository, push.IsPrivate, cancellation).ConfigureAwait(false);
        if (push.Branch != HubPush.MainBranch && !push.CreatesPullRequest)
            await CreateBranchAsync(repository, push.Branch, cancellation).ConfigureAwait(false);

        var isLarge = await SortAsync(repository, push, files, cancellation).ConfigureAwait(false);
        var large = new List<(string Hash, UploadFile File)>();
        foreach (var file in files.Where(file => isLarge.GetValueOrDefault(file.Path)))
            large.Add((await file.Sha256Async(cancellation).ConfigureAwait(false), file));
        if (large.Count > 0)
            await StoreAsync(repository, push.Branch, large, cancellation).ConfigureAwait(false);

        var small = files.Where(file => isLarge.TryGetValue(file.Path, out var itIs) && !itIs);
        return await CommitAsync(repository, push, large, small, cancellation).ConfigureAwait(false);
    }

    /// <summary>Sends each content once, however many files have it.</summary>
    private async Task StoreAsync(
        Repository repository,
        string branch,
        List<(string Hash, UploadFile File)> files,
        CancellationToken cancellation)
    {
        var contents = files.DistinctBy(file => file.Hash).ToDictionary(file => file.Hash, file => file.File);
        var total = contents.Values.Sum(file => file.Size);
        void OnBytes(UploadFile file, long bytes) => _progress?.Report(new HubProgress(
            file.Path, 0, contents.Count, Interlocked.Add(ref _bytesDone, bytes), total));
        await _largeFiles.SendAsync(repository, branch, contents, OnBytes, cancellation).ConfigureAwait(false);
    }

    /// <summary>The id with its owner: the token's own account when none is named.</summary>
    private async Task<string> FullIdAsync(string id, CancellationToken cancellation)
    {
        if (id.Contains('/'))
            return id;
        var repository = new Repository(RepositoryKind.Model, id);
        using var response = await _transport.SendAsync(
            uri => new HttpRequestMessage(HttpMethod.Get, uri),
            _transport.AddressOf("api/whoami-v2"),
            stopAtOtherHost: false,
            cancellation).ConfigureAwait(false);
        var answer = await ReadAsync(repository, "ask whose the token is", response, cancellation)
            .ConfigureAwait(false);
        var full = $"{answer["name"].Text}/{id}";
        return Repository.IsId(full) ? full : throw answer["name"].Wrong("the name of an account");
    }

    private async Task CreateAsync(Repository repository, bool isPrivate, CancellationToken cancellation)
    {
        var owner = repository.Id.Split('/')[0];
        var question = new JsonObject
        {
            ["type"] = repository.Noun,
            ["name"] = repository.Id[(owner.Length + 1)..],
            ["organization"] = owner,
            ["private"] = isPrivate,
        };
        using var response = await PostAsync("api/repos/create", question, cancellation).ConfigureAwait(false);
        await RequireThereAsync(repository, "create the repository", response, cancellation).ConfigureAwait(false);
    }

    private async Task CreateBranchAsync(Repository repository, string branch, CancellationToken cancellation)
    {
        var address = $"{repository.Api}/branch/{Uri.EscapeDataString(branch)}";
        using var response = await PostAsync(address, [], cancellation).ConfigureAwait(false);
        await RequireThereAsync(repository, $"create the branch '{branch}'", response, cancellation)
            .ConfigureAwait(false);
    }

    /// <summary>What is there already is as good as created.</summary>
    private async Task RequireThereAsync(
        Repository repository, string step, HttpResponseMessage response, CancellationToken cancellation)
    {
        if (response.StatusCode != HttpStatusCode.Conflict)
            await _errors.RequireSuccessAsync(repository, step, response, cancellation).ConfigureAwait(false);
    }

    /// <summary>By path, whether a file goes to large-file storage; ignored files are left out.</summary>
    private async Task<Dictionary<string, bool>> SortAsync(
        Repository repository, HubPush push, IReadOnlyList<UploadFile> files, CancellationToken cancellation)
    {
        var question = new JsonObject
        {
            ["files"] = new JsonArray([.. files.Select(file => new JsonObject
            {
                ["path"] = file.Path,
                ["size"] = file.Size,
                ["sample"] = Convert.ToBase64String(file.ReadSample()),
            })]),
        };
        using var response = await PostAsync(AddressOf(repository, "preupload", push), question, cancellation)
            .ConfigureAwait(false);
        var answer = await ReadAsync(repository, "announce the files", response, cancellation).ConfigureAwait(false);
        return answer["files"].Items
            .Where(file => file.Find("shouldIgnore")?.Flag is not true)
            .DistinctBy(file => file["path"].Text)
            .ToDictionary(file => file["path"].Text, file => file.Find("uploadMode")?.Text == "lfs");
    }

    private async Task<PushedCommit> CommitAsync(
        Repository repository,
        HubPush push,
        IReadOnlyList<(string Hash, UploadFile File)> large,
        IEnumerable<UploadFile> small,
        CancellationToken cancellation)
    {
        var lines = new StringBuilder();
        void Add(string key, JsonObject value) =>
            lines.Append(new JsonObject { ["key"] = key, ["value"] = value }.ToJsonString()).Append('\n');

        Add("header", new JsonObject { ["summary"] = push.Message, ["description"] = "" });
        foreach (var file in small)
        {
            var content = await File.ReadAllBytesAsync(file.Source, cancellation).ConfigureAwait(false);
            Add("file", new JsonObject
            {
                ["path"] = file.Path,
                ["encoding"] = "base64",
                ["content"] = Convert.ToBase64String(content),
            });
        }
        foreach (var (hash, file) in large)
        {
            Add("lfsFile", new JsonObject
            {
                ["path"] = file.Path,
                ["algo"] = "sha256",
                ["oid"] = hash,
                ["size"] = file.Size,
            });
        }

        var address = _transport.AddressOf(AddressOf(repository, "commit", push));
        using var request = new HttpRequestMessage(HttpMethod.Post, address)
        {
            Content = new StringContent(lines.ToString(), Encoding.UTF8, "application/x-ndjson"),
        };
        using var response = await _transport.SendUploadAsync(request, cancellation).ConfigureAwait(false);
        var answer = await ReadAsync(repository, "commit", response, cancellation).ConfigureAwait(false);
        var page = answer.Find("pullRequestUrl")?.Text is { } proposal
            && Uri.TryCreate(proposal, UriKind.Absolute, out var proposed)
            ? proposed
            : _transport.AddressOf(repository.Page);
        return new PushedCommit(repository.Id, answer["commitOid"].Text, page);
    }

    private static string AddressOf(Repository repository, string step, HubPush push) =>
        $"{repository.Api}/{step}/{Uri.EscapeDataString(push.Branch)}{(push.CreatesPullRequest ? "?create_pr=1" : "")}";

    private async Task<HttpResponseMessage> PostAsync(string path, JsonObject body, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, _transport.AddressOf(path))
        {
            Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json"),
        };
        return await _transport.SendUploadAsync(request, cancellation).ConfigureAwait(false);
    }

    private async Task<HubAnswer> ReadAsync(
        Repository repository, string step, HttpResponseMessage response, CancellationToken cancellation)
    {
        await _errors.RequireSuccessAsync(repository, step, response, cancellation).ConfigureAwait(false);
        return await _transport.ReadAsync(response, step, cancellation).ConfigureAwait(false);
    }
}
