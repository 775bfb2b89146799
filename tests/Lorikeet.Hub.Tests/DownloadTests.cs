using System.Diagnostics;
using Lorikeet.Hub.Cache;
using Lorikeet.Hub.Tests.Serving;
using Lorikeet.Hub.Transport;

namespace Lorikeet.Hub.Tests;

public class DownloadTests
{
    private const string Id = "owner/tiny";

    private static readonly byte[] Weights = Bytes(300_000);

    [Fact]
    public async Task Model_IsLaidOut_AsHuggingFaceToolsDo()
    {
        await using var hub = await ServeModelAsync();
        using var client = hub.Client();

        var folder = await client.ResolveAsync(Id, RepositoryKind.Model);

        var commit = hub.Repositories[Id].Commit;
        var home = Path.Combine(hub.CacheFolder, "models--owner--tiny");
        Assert.Equal(Path.Combine(home, "snapshots", commit), folder);
        Assert.Equal(commit, File.ReadAllText(Path.Combine(home, "refs", "main")));
        Assert.Equal(
            ["config.json", "model.safetensors", "tokenizer.json"],
            Directory.GetFiles(folder).Select(file => Path.GetFileName(file)!).Order());
        Assert.Equal(Weights, File.ReadAllBytes(Path.Combine(folder, "model.safetensors")));
        Assert.Equal(
            Path.Combine("..", "..", "blobs", ServedRepository.Sha256(Weights)),
            new FileInfo(Path.Combine(folder, "model.safetensors")).LinkTarget);
        var config = hub.Repositories[Id].Files["config.json"];
        Assert.True(File.Exists(Path.Combine(home, "blobs", ServedRepository.HashOf(config))));
        Assert.True(Directory.Exists(Path.Combine(hub.CacheFolder, ".locks", "models--owner--tiny")));
    }

    [Fact]
    public async Task Model_IsNotFetchedTwice()
    {
        await using var hub = await ServeModelAsync();
        using var client = hub.Client();
        await client.ResolveAsync(Id, RepositoryKind.Model);
        var downloads = hub.Downloads().Count;

        await client.ResolveAsync(Id, RepositoryKind.Model);

        Assert.Equal(downloads, hub.Downloads().Count);
    }

    [Fact]
    public async Task NewCommit_FetchesOnlyWhatChanged()
    {
        await using var hub = await ServeModelAsync();
        using var client = hub.Client();
        var before = await client.ResolveAsync(Id, RepositoryKind.Model);
        hub.Repositories[Id].Commit = new string('d', 40);
        hub.Repositories[Id].Files["config.json"] = "{\"changed\": true}"u8.ToArray();
        hub.Requests.Clear();

        var after = await client.ResolveAsync(Id, RepositoryKind.Model);

        Assert.NotEqual(before, after);
        Assert.Contains("config.json", Assert.Single(hub.Downloads()));
        Assert.Equal(Weights, File.ReadAllBytes(Path.Combine(after, "model.safetensors")));
    }

    [Fact]
    public async Task Commit_AsRevision_NeedsNoRef()
    {
        await using var hub = await ServeModelAsync();
        var commit = hub.Repositories[Id].Commit;
        using var client = hub.Client();

        var folder = await client.ResolveAsync(Id, RepositoryKind.Model, commit);

        Assert.EndsWith(commit, folder);
        Assert.False(Directory.Exists(Path.Combine(hub.CacheFolder, "models--owner--tiny", "refs")));
        using var offline = hub.Client(isOffline: true);
        Assert.Equal(folder, await offline.ResolveAsync(Id, RepositoryKind.Model, commit));
    }

    [Fact]
    public async Task Interrupted_Download_ContinuesWhereItStopped()
    {
        await using var hub = await ServeModelAsync();
        hub.BreakAfter.Enqueue(100_000);
        hub.BreakAfter.Enqueue(50_000);
        using var client = hub.Client();

        var folder = await client.ResolveAsync(Id, RepositoryKind.Model, select: _ => ["model.safetensors"]);

        Assert.Equal(Weights, File.ReadAllBytes(Path.Combine(folder, "model.safetensors")));
        var ranges = hub.Requests.Where(request => request.StartsWith("GET storage")).Select(Range).ToList();
        Assert.Equal(3, ranges.Count);
        Assert.Equal(0, ranges[0]);
        Assert.InRange(ranges[1], 1, 100_000);
        Assert.InRange(ranges[2], ranges[1], 150_000);
    }

    [Fact]
    public async Task Stalled_Download_IsContinued()
    {
        await using var hub = await ServeModelAsync();
        hub.Stall = Timeout.InfiniteTimeSpan;
        using var client = new HubClient(hub.Settings() with { DownloadTimeout = TimeSpan.FromSeconds(0.5) });

        var folder = await client.ResolveAsync(Id, RepositoryKind.Model, select: _ => ["model.safetensors"]);

        Assert.Equal(Weights, File.ReadAllBytes(Path.Combine(folder, "model.safetensors")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task PartialFile_OfAnEarlierRun_IsContinued(bool isDamaged)
    {
        await using var hub = await ServeModelAsync();
        var partial = Weights[..200_000];
        if (isDamaged)
            partial[7] ^= 1;
        WritePartial(hub, partial);
        using var client = hub.Client();

        var folder = await client.ResolveAsync(Id, RepositoryKind.Model, select: _ => ["model.safetensors"]);

        Assert.Equal(Weights, File.ReadAllBytes(Path.Combine(folder, "model.safetensors")));
        Assert.Equal(200_000, Range(hub.Requests.First(request => request.StartsWith("GET storage"))));
        Assert.Equal(isDamaged ? 2 : 1, hub.Requests.Count(request => request.StartsWith("GET storage")));
    }

    [Fact]
    public async Task PartialFile_BeginsAnew_WhenTheServerKnowsNoRanges()
    {
        await using var hub = await ServeModelAsync();
        hub.IgnoresRanges = true;
        WritePartial(hub, Weights[..200_000]);
        using var client = hub.Client();

        var folder = await client.ResolveAsync(Id, RepositoryKind.Model, select: _ => ["model.safetensors"]);

        Assert.Equal(Weights, File.ReadAllBytes(Path.Combine(folder, "model.safetensors")));
    }

    [Theory]
    [InlineData("model.safetensors", 300_000)]
    [InlineData("config.json", 2)]
    [InlineData("model.safetensors", 299_000)]
    public async Task Content_OfAnotherHashOrLength_IsRefused(string file, int length)
    {
        await using var hub = await ServeModelAsync();
        hub.Repositories[Id].Forged[file] = new byte[length];
        using var client = hub.Client();

        var error = await Assert.ThrowsAsync<HubException>(() =>
            client.ResolveAsync(Id, RepositoryKind.Model, select: _ => [file]));

        Assert.Contains("arrived damaged", error.Message);
        var blobs = Path.Combine(hub.CacheFolder, "models--owner--tiny", "blobs");
        Assert.DoesNotContain(Directory.GetFiles(blobs), blob => !blob.EndsWith(".incomplete"));
        Assert.False(File.Exists(Path.Combine(hub.CacheFolder, "models--owner--tiny", "refs", "main")));
    }

    [Fact]
    public async Task BusyHub_IsAskedAgain()
    {
        await using var hub = await ServeModelAsync();
        hub.Failures = 3;
        using var client = hub.Client();

        Assert.True(Directory.Exists(await client.ResolveAsync(Id, RepositoryKind.Model)));
    }

    [Fact]
    public async Task Token_GoesToTheHub_AndNotToItsStorage()
    {
        await using var hub = await ServeModelAsync();
        using var client = hub.Client(LocalHub.Token);

        await client.ResolveAsync(Id, RepositoryKind.Model);

        Assert.All(
            hub.Requests,
            request => Assert.Equal(request.Contains(" hub "), request.EndsWith($"Bearer {LocalHub.Token}")));
        Assert.Contains(hub.Requests, request => request.Contains(" storage "));
    }

    [Fact]
    public async Task ManyAtOnce_FetchEveryFileOnce()
    {
        await using var hub = await ServeModelAsync();
        var folders = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Task.Run(async () =>
        {
            using var client = hub.Client();
            return await client.ResolveAsync(Id, RepositoryKind.Model);
        })));

        Assert.Single(folders.Distinct());
        Assert.Equal(Weights, File.ReadAllBytes(Path.Combine(folders[0], "model.safetensors")));
        Assert.Single(hub.Requests, request => request.StartsWith("GET storage"));
    }

    [Fact]
    public async Task Lock_OfAnotherProcess_IsWaitedFor()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/flock"), "flock(1) is not installed.");
        using var folder = new TemporaryFolder();
        var path = folder.File("a.lock");
        using var other =
            Process.Start(new ProcessStartInfo("/usr/bin/flock", [path, "sh", "-c", "echo held; read line"])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            })!;
        Assert.Equal("held", await other.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));

        var waiting = FileLock.AcquireAsync(
            path, path + ".written", TimeSpan.FromMinutes(10), TestContext.Current.CancellationToken);
        await Task.Delay(300, TestContext.Current.CancellationToken);
        Assert.False(waiting.IsCompleted);
        await other.StandardInput.WriteLineAsync("go on");
        other.StandardInput.Close();
        using var held = await waiting;

        using var refused = Process.Start("/usr/bin/flock", ["--nonblock", path, "true"]);
        await refused.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(1, refused.ExitCode);
    }

    [Fact]
    public async Task Lock_IsNotWaitedFor_WhenItsHolderDoesNothing_OrItCannotBeOpened()
    {
        using var folder = new TemporaryFolder();
        var path = folder.File("a.lock");
        var stop = TestContext.Current.CancellationToken;
        using (await FileLock.AcquireAsync(path, folder.File("a"), TimeSpan.FromMinutes(1), stop))
        {
            var error = await Assert.ThrowsAsync<HubException>(() =>
                FileLock.AcquireAsync(path, folder.File("a"), TimeSpan.FromSeconds(0.2), stop));
            Assert.Contains(path, error.Message);
        }

        Directory.CreateDirectory(folder.File("b.lock"));
        await Assert.ThrowsAnyAsync<UnauthorizedAccessException>(() =>
            FileLock.AcquireAsync(folder.File("b.lock"), folder.File("b"), TimeSpan.FromMinutes(1), stop));
        await Assert.ThrowsAnyAsync<IOException>(() => FileLock.AcquireAsync(
            folder.File(new string('c', 300)), folder.File("c"), TimeSpan.FromMinutes(1), stop));
    }

    [Fact]
    public async Task Cancelled_Download_KeepsWhatCame()
    {
        await using var hub = await ServeModelAsync();
        hub.Stall = Timeout.InfiniteTimeSpan;
        using var client = hub.Client();
        using var stop = new CancellationTokenSource();
        var progress = new Reported(report => { if (report.BytesDone > 0) stop.Cancel(); });

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.ResolveAsync(
            Id,
            RepositoryKind.Model,
            select: _ => ["model.safetensors"],
            progress: progress,
            cancellation: stop.Token));

        var blobs = Path.Combine(hub.CacheFolder, "models--owner--tiny", "blobs");
        Assert.True(new FileInfo(Assert.Single(Directory.GetFiles(blobs))).Length > 0);
    }

    [Fact]
    public async Task Progress_EndsAtTheTotal()
    {
        await using var hub = await ServeModelAsync();
        using var client = hub.Client();
        var last = new List<HubProgress>();

        await client.ResolveAsync(Id, RepositoryKind.Model, progress: new Reported(report =>
        {
            lock (last)
                last.Add(report);
        }));

        var total = new[] { "config.json", "model.safetensors", "tokenizer.json" }
            .Sum(file => hub.Repositories[Id].Files[file].Length);
        Assert.Equal(total, last.Max(report => report.BytesDone));
        Assert.All(last, report => Assert.Equal(total, report.BytesTotal));
        Assert.Contains(last, report => report.FilesDone == 3 && report.FileCount == 3);
    }

    [Fact]
    public async Task Listing_ThatLeadsOutOfTheCache_IsRefused()
    {
        await using var hub = await ServeModelAsync();
        hub.Repositories[Id].Files["../../../../escape.json"] = "{}"u8.ToArray();
        using var client = hub.Client();

        var error = await Assert.ThrowsAsync<HubException>(() =>
            client.ResolveAsync(Id, RepositoryKind.Model, select: files => files));
        Assert.Contains("as a file", error.Message);
    }

    [Fact]
    public async Task File_IsFetchedAlone_AndAMissingOneIsRemembered()
    {
        await using var hub = await ServeModelAsync();
        using var client = hub.Client();

        var config = await client.ResolveFileAsync(Id, RepositoryKind.Model, "config.json");
        Assert.Null(await client.ResolveFileAsync(Id, RepositoryKind.Model, "none.json"));

        Assert.Equal("{}", File.ReadAllText(config!));
        Assert.True(File.Exists(Path.Combine(
            hub.CacheFolder, "models--owner--tiny", ".no_exist", hub.Repositories[Id].Commit, "none.json")));
        using var offline = hub.Client(isOffline: true);
        Assert.Equal(config, await offline.ResolveFileAsync(Id, RepositoryKind.Model, "config.json"));
        Assert.Null(await offline.ResolveFileAsync(Id, RepositoryKind.Model, "none.json"));
        await Assert.ThrowsAsync<HubException>(() =>
            offline.ResolveFileAsync(Id, RepositoryKind.Model, "tokenizer.json"));
    }

    private static async Task<LocalHub> ServeModelAsync()
    {
        var hub = await LocalHub.StartAsync();
        hub.Add(
            Id,
            ("config.json", "{}"u8.ToArray()),
            ("tokenizer.json", Bytes(900)),
            ("model.safetensors", Weights),
            ("pytorch_model.bin", Bytes(2000)),
            ("original/consolidated.00.pth", Bytes(3000)),
            ("README.md", "# Tiny"u8.ToArray()));
        return hub;
    }

    private static void WritePartial(LocalHub hub, byte[] content)
    {
        var blobs = Path.Combine(hub.CacheFolder, "models--owner--tiny", "blobs");
        Directory.CreateDirectory(blobs);
        File.WriteAllBytes(Path.Combine(blobs, ServedRepository.Sha256(Weights) + ".incomplete"), content);
    }

    private static byte[] Bytes(int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }

    private static int Range(string request)
    {
        var at = request.IndexOf("bytes=", StringComparison.Ordinal);
        return at < 0 ? 0 : int.Parse(request[(at + 6)..request.IndexOf('-', at)]);
    }

    private sealed class Reported(Action<HubProgress> report) : IProgress<HubProgress>
    {
        public void Report(HubProgress value) => report(value);
    }
}
