using System.Diagnostics;
using Lorikeet.Hub.Tests.Serving;
using Lorikeet.Hub.Transport;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Hub.Tests;

/// <summary>
/// Servers that answer what no hub answers: nothing is written elsewhere, and the error says what is wrong.
/// </summary>
public sealed class HostileHubTests
{
    private static readonly TimeSpan Guard = TimeSpan.FromMinutes(3);

    [Theory]
    [InlineData("../../../victim")]
    [InlineData("main")]
    [InlineData("")]
    public async Task ListedCommit_ThatIsNone_IsRefused(string commit)
    {
        await using var server = await ScriptedServer.StartAsync(context =>
            ScriptedServer.AnswerAsync(context, ScriptedServer.Listing(commit, "config.json")));

        Assert.Contains("as the commit", await RefusalAsync(server));
        AssertUntouched(server);
    }

    [Fact]
    public async Task CommitOrTagOfAFile_ThatLeadsElsewhere_IsRefused()
    {
        await using var commit = await ScriptedServer.StartAsync(context =>
            ScriptedServer.AnswerAsync(context, commit: "../../../../victim"));
        await using var tag = await ScriptedServer.StartAsync(context =>
            ScriptedServer.AnswerAsync(context, tag: "../../../../victim"));
        await using var missing = await ScriptedServer.StartAsync(context =>
        {
            context.Response.StatusCode = 404;
            context.Response.Headers["X-Error-Code"] = "EntryNotFound";
            context.Response.Headers["X-Repo-Commit"] = "../../../../victim";
            return Task.CompletedTask;
        });

        Assert.Contains("as the commit", await RefusalAsync(commit));
        Assert.Contains("as the content", await RefusalAsync(tag));
        using var client = missing.Client();
        await Assert.ThrowsAsync<HubException>(
            () => client.ResolveFileAsync("a/b", RepositoryKind.Model, "config.json"));
        AssertUntouched(commit, tag, missing);
    }

    [Theory]
    [InlineData("../../../victim.json")]
    [InlineData("/victim.json")]
    [InlineData("a/../../../../victim.json")]
    [InlineData("..\\..\\victim.json")]
    public async Task ListedFile_ThatLiesElsewhere_IsRefused(string file)
    {
        await using var server = await ScriptedServer.StartAsync(context =>
            ScriptedServer.AnswerAsync(context, ScriptedServer.Listing(ScriptedServer.Commit, "config.json", file)));
        using var client = server.Client();

        var error = await Assert.ThrowsAsync<HubException>(() =>
            client.ResolveAsync("a/b", RepositoryKind.Dataset, "main", select: files => files));

        Assert.Contains("as a file", error.Message);
        AssertUntouched(server);
    }

    [Theory]
    [InlineData("../../victim")]
    [InlineData("a..b")]
    [InlineData("")]
    [InlineData("/x")]
    public async Task Revision_ThatCannotBeOne_NeverReachesTheHubOrTheDisk(string revision)
    {
        await using var server = await ScriptedServer.StartAsync(context => ScriptedServer.AnswerAsync(context));
        using var client = server.Client();

        var error = await Assert.ThrowsAsync<HubException>(() =>
            client.ResolveAsync("a/b", RepositoryKind.Model, revision));

        Assert.Contains("cannot be a revision", error.Message);
        Assert.Empty(server.Authorizations);
        AssertUntouched(server);
    }

    [Theory]
    [InlineData("", "it is empty")]
    [InlineData("<html>Please log in</html>", "it is not JSON but begins '<html>")]
    [InlineData("[]", "an object was expected")]
    [InlineData("null", "an object was expected")]
    [InlineData("{}", "no 'sha'")]
    [InlineData("""{"sha": 5, "siblings": []}""", "'sha' is 5 where text was expected")]
    [InlineData("""{"sha": "\ud800", "siblings": []}""", "where text was expected")]
    [InlineData("""{"sha": "0123456789abcdef0123456789abcdef01234567"}""", "no 'siblings'")]
    [InlineData("""{"sha": "0123456789abcdef0123456789abcdef01234567", "siblings": {}}""", "a list was expected")]
    [InlineData("""{"sha": "0123456789abcdef0123456789abcdef01234567", "siblings": [1]}""", "an object was expected")]
    [InlineData("""{"sha": "0123456789abcdef0123456789abcdef01234567", "siblings": [{"rfilename": []}]}""", "text was")]
    [InlineData(
        """{"sha": "0123456789abcdef0123456789abcdef01234567", "siblings": [{"rfilename": "config.json", "size": -1}]}""",
        "a size was expected")]
    public async Task Listing_ThatIsNone_IsNamed(string listing, string problem)
    {
        await using var server = await ScriptedServer.StartAsync(context =>
            ScriptedServer.AnswerAsync(context, listing));

        var error = await RefusalAsync(server);

        Assert.Contains("does not answer as a Hugging Face hub does", error);
        Assert.Contains(problem, error);
        AssertUntouched(server);
    }

    [Fact]
    public async Task Sizes_ThatTogetherAreBeyondAllNumbers_NeedTooMuchSpace()
    {
        var listing = $$"""
            {"sha": "{{ScriptedServer.Commit}}", "siblings": [
              {"rfilename": "config.json", "size": 9223372036854775807},
              {"rfilename": "tokenizer.json", "size": 9223372036854775807}]}
            """;
        await using var server = await ScriptedServer.StartAsync(
            context => ScriptedServer.AnswerAsync(context, listing));

        Assert.Contains("Free some space", await RefusalAsync(server));
    }

    [Fact]
    public async Task EndlessListing_IsCutOff()
    {
        await using var server = await ScriptedServer.StartAsync(async context =>
        {
            var part = new byte[1 << 20];
            part.AsSpan().Fill((byte)' ');
            while (!context.RequestAborted.IsCancellationRequested)
                await context.Response.Body.WriteAsync(part, context.RequestAborted);
        });

        Assert.Contains("it has more than", await RefusalAsync(server));
    }

    [Theory]
    [InlineData(302, "/api/models/a/b/revision/main", "redirects more than")]
    [InlineData(307, "file:///etc/passwd", "redirects from http to file")]
    [InlineData(304, null, "304")]
    [InlineData(302, null, "302")]
    public async Task Redirect_ThatLeadsNowhere_IsNamed(int status, string? location, string problem)
    {
        await using var server = await ScriptedServer.StartAsync(context =>
        {
            context.Response.StatusCode = status;
            if (location is not null)
                context.Response.Headers.Location = location;
            return Task.CompletedTask;
        });

        Assert.Contains(problem, await RefusalAsync(server));
    }

    [Fact]
    public async Task Silence_EndsWithinItsLimit_AndIsNotRepeated()
    {
        var requests = 0;
        await using var server = await ScriptedServer.StartAsync(async context =>
        {
            Interlocked.Increment(ref requests);
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        });

        Assert.Contains("HF_HUB_ETAG_TIMEOUT", await RefusalAsync(server, answers: 0.2));
        Assert.Equal(1, requests);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(20)]
    public async Task Listing_ThatStopsOrTrickles_EndsWithinItsLimit(int pause)
    {
        await using var server = await ScriptedServer.StartAsync(async context =>
        {
            context.Response.ContentLength = 1_000_000;
            await context.Response.WriteAsync("{");
            await context.Response.Body.FlushAsync();
            for (; !context.RequestAborted.IsCancellationRequested; await Task.Delay(Math.Max(pause, 10)))
            {
                if (pause == 0)
                    continue;
                await context.Response.WriteAsync(" ");
                await context.Response.Body.FlushAsync();
            }
        });

        // Long enough for a busy machine to send the first byte.
        Assert.Contains("stopped in the middle", await RefusalAsync(server, answers: 3));
    }

    [Fact]
    public async Task WaitOfDays_ThatTheHubAsksFor_IsNamedInsteadOfWaited()
    {
        await using var server = await ScriptedServer.StartAsync(context =>
        {
            context.Response.StatusCode = 429;
            context.Response.Headers.RetryAfter = "100000";
            return Task.CompletedTask;
        });

        Assert.Contains("asks to wait '100000'", await RefusalAsync(server));
        Assert.Single(server.Authorizations);
    }

    [Fact]
    public async Task Content_LongerThanAnnounced_IsCutOffAndDeleted()
    {
        await using var server = await ScriptedServer.StartAsync(async context =>
        {
            if (ScriptedServer.IsListing(context) || HttpMethods.IsHead(context.Request.Method))
            {
                await ScriptedServer.AnswerAsync(context);
                return;
            }
            context.Response.Headers["X-Repo-Commit"] = ScriptedServer.Commit;
            var part = new byte[1 << 20];
            while (!context.RequestAborted.IsCancellationRequested)
                await context.Response.Body.WriteAsync(part, context.RequestAborted);
        });

        Assert.Contains("more came than the 2 bytes", await RefusalAsync(server));
        AssertNothingStays(server);
    }

    [Theory]
    [InlineData("{", "1 bytes long instead of 2")]
    [InlineData("[]", "its hash is")]
    public async Task Content_ThatIsNotTheAnnouncedOne_IsDeleted(string content, string problem)
    {
        await using var server = await ScriptedServer.StartAsync(async context =>
        {
            if (ScriptedServer.IsListing(context) || HttpMethods.IsHead(context.Request.Method))
                await ScriptedServer.AnswerAsync(context, tag: ServedRepository.HashOf("{}"u8.ToArray()));
            else
                await context.Response.WriteAsync(content);
        });

        Assert.Contains(problem, await RefusalAsync(server));
        AssertNothingStays(server);
    }

    [Fact]
    public async Task Download_ThatNeverBegins_EndsWithinItsLimit()
    {
        await using var stalled = await ScriptedServer.StartAsync(async context =>
        {
            if (ScriptedServer.IsListing(context) || HttpMethods.IsHead(context.Request.Method))
            {
                await ScriptedServer.AnswerAsync(context);
                return;
            }
            context.Response.ContentLength = 2;
            await context.Response.Body.FlushAsync();
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        });

        Assert.Contains("HF_HUB_DOWNLOAD_TIMEOUT", await RefusalAsync(stalled, downloads: 0.3));
    }

    [Fact]
    public async Task CacheThatCannotBeWritten_IsNamed()
    {
        await using var server = await ScriptedServer.StartAsync(context => ScriptedServer.AnswerAsync(context));
        var repository = Path.Combine(server.CacheFolder, ".locks");
        Directory.CreateDirectory(server.CacheFolder);
        File.WriteAllText(repository, "a file where a folder is needed");

        var error = await RefusalAsync(server);

        Assert.Contains(server.CacheFolder, error);
        Assert.Contains("HF_HUB_CACHE", error);
    }

    [Fact]
    public async Task FilesThatWantOnePlace_AreAnErrorOfTheCache()
    {
        await using var server = await ScriptedServer.StartAsync(context => ScriptedServer.AnswerAsync(
            context, ScriptedServer.Listing(ScriptedServer.Commit, "a.json", "a.json/b.json")));
        using var client = server.Client();

        await Assert.ThrowsAsync<HubException>(() => client.ResolveAsync("a/b", RepositoryKind.Dataset, "main"));
    }

    private static async Task<string> RefusalAsync(
        ScriptedServer server, double answers = 120, double downloads = 120)
    {
        using var client = server.Client(answers, downloads);
        using var guard = new CancellationTokenSource(Guard);
        return (await Assert.ThrowsAsync<HubException>(() => client.ResolveAsync(
            "a/b", RepositoryKind.Model, cancellation: guard.Token))).Message;
    }

    private static void AssertUntouched(params ScriptedServer[] servers) => Assert.All(servers, server =>
        Assert.DoesNotContain(
            Directory.EnumerateFileSystemEntries(server.Folder, "*", SearchOption.AllDirectories),
            path => Path.GetFileName(path).Contains("victim")));

    private static void AssertNothingStays(ScriptedServer server) => Assert.Empty(
        Directory.EnumerateFiles(Path.Combine(server.CacheFolder, "models--a--b", "blobs")));

    [Theory]
    [InlineData(new byte[] { (byte)'[', (byte)'"', 0xA6, (byte)'"', (byte)']' })]
    [InlineData(new byte[] { (byte)'"', (byte)'\\', (byte)'u', (byte)'d', (byte)'8', (byte)'0', (byte)'0', (byte)'"' })]
    public void Answer_ThatIsNoText_IsRefused(byte[] body) =>
        Assert.Throws<HubException>(() => HubAnswer.Parse(body, problem => new HubException(problem)));
}
