using Lorikeet.Hub.Tests.Serving;
using Lorikeet.Hub.Transport;

namespace Lorikeet.Hub.Tests;

/// <summary>What cannot be had, and whether the message tells what to do.</summary>
public class RefusalTests
{
    private static readonly byte[] Config = "{}"u8.ToArray();

    [Fact]
    public async Task GatedModel_AsksForTheLicenceAndAToken()
    {
        await using var hub = await LocalHub.StartAsync();
        hub.Repositories["meta/gated"] = new ServedRepository { IsGated = true, Files = { ["config.json"] = Config } };

        var error = await RefusalAsync(hub, "meta/gated");

        Assert.Contains("accept", error);
        Assert.Contains($"{hub.Endpoint}meta/gated", error);
        Assert.Contains("HF_TOKEN", error);
        using var client = hub.Client(LocalHub.Token);
        Assert.True(Directory.Exists(await client.ResolveAsync("meta/gated", RepositoryKind.Model)));
    }

    [Fact]
    public async Task PrivateModel_LooksUnknown_UntilTheTokenIsRight()
    {
        await using var hub = await LocalHub.StartAsync();
        hub.Repositories["a/b"] = new ServedRepository { IsPrivate = true, Files = { ["config.json"] = Config } };

        Assert.Contains("does not exist, or it is private", await RefusalAsync(hub, "a/b"));
        Assert.Contains("The token in use does not have", await RefusalAsync(hub, "a/b", token: "wrong"));
    }

    [Fact]
    public async Task UnknownRevision_IsNamed()
    {
        await using var hub = await LocalHub.StartAsync();
        hub.Add("a/b", ("config.json", Config));
        using var client = hub.Client();

        var error = await Assert.ThrowsAsync<HubException>(() =>
            client.ResolveAsync("a/b", RepositoryKind.Model, "v9"));
        Assert.Contains("no revision 'v9'", error.Message);
    }

    [Fact]
    public async Task UnknownModel_SuggestsTheFolderThatWasMeant()
    {
        await using var hub = await LocalHub.StartAsync();
        using var here = new TemporaryFolder();
        Directory.CreateDirectory(here.File("models", "tinyllama"));

        var error = await RefusalAsync(hub, here.File("models", "tinylama"));

        Assert.Contains("is not a file or folder", error);
        Assert.Contains(Path.Combine("models", "tinyllama"), error);
    }

    [Theory]
    [InlineData("a/b/c")]
    [InlineData("./model")]
    [InlineData("name with space")]
    [InlineData("a--b")]
    [InlineData("model.git")]
    public async Task Name_ThatIsNoId_NeverReachesTheHub(string name)
    {
        await using var hub = await LocalHub.StartAsync();

        Assert.Contains("cannot be the id", await RefusalAsync(hub, name));
        Assert.Empty(hub.Requests);
    }

    [Theory]
    [InlineData("https://huggingface.co/owner/name", "write 'owner/name'.")]
    [InlineData("https://huggingface.co/owner/name/tree/v2", "write 'owner/name' with the revision 'v2'.")]
    [InlineData("https://huggingface.co/datasets/owner/name", "write 'owner/name'.")]
    [InlineData(
        "https://huggingface.co/owner/name/blob/main/config.json", "write 'owner/name' with the revision 'main'.")]
    [InlineData("https://example.com", "is an address")]
    public async Task AddressOfAPage_IsExplained(string address, string expected)
    {
        await using var hub = await LocalHub.StartAsync();

        Assert.Contains(expected, await RefusalAsync(hub, address));
        Assert.Empty(hub.Requests);
    }

    [Fact]
    public async Task BareNameThatIsNoFolder_IsSaidToHaveBeenTakenForAnId()
    {
        await using var hub = await LocalHub.StartAsync();
        using var client = new HubClient(hub.Settings() with { Endpoint = new Uri("http://127.0.0.1:9/") });
        var near = Directory.CreateDirectory("storiestest").Name;

        var error = await Assert.ThrowsAsync<HubException>(
            () => client.ResolveAsync("storieztest", RepositoryKind.Model));

        Directory.Delete(near);
        Assert.StartsWith(
            "There is no folder 'storieztest' here (did you mean 'storiestest'?), so it was taken for a hub id.",
            error.Message);
        Assert.Contains("cannot be reached", error.Message);
    }

    [Fact]
    public async Task PathWithOneWrongName_IsSaidToHaveBeenTakenForAnId()
    {
        await using var hub = await LocalHub.StartAsync();
        using var client = new HubClient(hub.Settings() with { Endpoint = new Uri("http://127.0.0.1:9/") });
        var near = Directory.CreateDirectory("storiestest2/model").Parent!;

        var typo = await Assert.ThrowsAsync<HubException>(
            () => client.ResolveAsync("storieztest2/model", RepositoryKind.Model));
        var id = await Assert.ThrowsAsync<HubException>(
            () => client.ResolveAsync("storieztest2/another", RepositoryKind.Model));

        near.Delete(recursive: true);
        var meant = Path.Combine("storiestest2", "model");
        Assert.StartsWith(
            $"There is no folder 'storieztest2/model' here (did you mean '{meant}'?), so it was taken for a hub id.",
            typo.Message);
        Assert.StartsWith("The hub at", id.Message);
    }

    [Fact]
    public async Task LocalFolder_IsReturnedAsItIs()
    {
        await using var hub = await LocalHub.StartAsync();
        using var here = new TemporaryFolder();
        using var client = hub.Client();

        Assert.Equal(here.Path, await client.ResolveAsync(here.Path, RepositoryKind.Model));
        Assert.Empty(hub.Requests);
    }

    [Fact]
    public async Task Offline_FindsWhatIsCached_AndNamesWhereItLooked()
    {
        await using var hub = await LocalHub.StartAsync();
        hub.Add("a/b", ("config.json", Config));
        using var online = hub.Client();
        var folder = await online.ResolveAsync("a/b", RepositoryKind.Model);
        hub.Requests.Clear();
        using var offline = hub.Client(isOffline: true);

        Assert.Equal(folder, await offline.ResolveAsync("a/b", RepositoryKind.Model));
        var error = await Assert.ThrowsAsync<HubException>(() => offline.ResolveAsync("a/c", RepositoryKind.Model));

        Assert.Contains("HF_HUB_OFFLINE", error.Message);
        Assert.Contains(Path.Combine(hub.CacheFolder, "models--a--c"), error.Message);
        Assert.Empty(hub.Requests);
    }

    [Fact]
    public async Task Offline_NamesTheShardThatIsMissing()
    {
        await using var hub = await LocalHub.StartAsync();
        var index = """
            {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
            """;
        hub.Add(
            "a/b",
            ("model.safetensors.index.json", System.Text.Encoding.UTF8.GetBytes(index)),
            ("model-00001-of-00002.safetensors", new byte[10]),
            ("model-00002-of-00002.safetensors", new byte[20]));
        using var online = hub.Client();
        var folder = await online.ResolveAsync("a/b", RepositoryKind.Model);
        using var offline = hub.Client(isOffline: true);
        Assert.Equal(folder, await offline.ResolveAsync("a/b", RepositoryKind.Model));

        File.Delete(Path.Combine(folder, "model-00002-of-00002.safetensors"));

        var error = await Assert.ThrowsAsync<HubException>(() => offline.ResolveAsync("a/b", RepositoryKind.Model));
        Assert.Contains("model-00002-of-00002.safetensors", error.Message);
    }

    [Fact]
    public async Task SilentHub_FallsBackToTheCache()
    {
        await using var hub = await LocalHub.StartAsync();
        hub.Add("a/b", ("config.json", Config));
        using var online = hub.Client();
        var folder = await online.ResolveAsync("a/b", RepositoryKind.Model);
        using var client = new HubClient(hub.Settings() with { Endpoint = new Uri("http://127.0.0.1:9/") });

        Assert.Equal(folder, await client.ResolveAsync("a/b", RepositoryKind.Model));
        var error = await Assert.ThrowsAsync<HubException>(() => client.ResolveAsync("a/c", RepositoryKind.Model));
        Assert.Contains("cannot be reached", error.Message);
        Assert.Contains("HF_ENDPOINT", error.Message);
    }

    [Theory]
    [InlineData(500)]
    [InlineData(502)]
    [InlineData(429)]
    [InlineData(200)]
    public async Task HubOutOfOrder_FallsBackToTheCache_WithANote(int status)
    {
        var isBroken = false;
        await using var server = await ScriptedServer.StartAsync(async context =>
        {
            if (!isBroken)
            {
                await ScriptedServer.AnswerAsync(context);
                return;
            }
            context.Response.StatusCode = status;
            await Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(context.Response, "<html>");
        });
        var notes = new List<string>();
        using var client = server.Client(note: notes.Add);
        var folder = await client.ResolveAsync("a/b", RepositoryKind.Model);
        Assert.Empty(notes);
        isBroken = true;

        Assert.Equal(folder, await client.ResolveAsync("a/b", RepositoryKind.Model));
        Assert.Contains(folder, Assert.Single(notes));
        var error = await Assert.ThrowsAsync<HubException>(() => client.ResolveAsync("a/c", RepositoryKind.Model));
        Assert.True(error.IsTransient);
    }

    [Fact]
    public async Task Repository_WithoutModelFiles_IsRefused()
    {
        await using var hub = await LocalHub.StartAsync();
        hub.Add("a/b", ("README.md", Config));

        Assert.Contains("none of the files that are needed", await RefusalAsync(hub, "a/b"));
    }

    private static async Task<string> RefusalAsync(LocalHub hub, string name, string? token = null)
    {
        using var client = hub.Client(token);
        return (await Assert.ThrowsAsync<HubException>(() => client.ResolveAsync(name, RepositoryKind.Model))).Message;
    }
}
