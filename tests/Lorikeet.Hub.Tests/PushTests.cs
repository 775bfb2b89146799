using Lorikeet.Hub.Tests.Serving;
using Lorikeet.Hub.Transport;
using Lorikeet.Hub.Upload;

namespace Lorikeet.Hub.Tests;

public sealed class PushTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData(null)]
    [InlineData(1500)]
    public async Task Folder_BecomesTheRepository_ThatIsDownloadedAgain(int? partSize)
    {
        await using var hub = await LocalHub.StartAsync();
        hub.PartSize = partSize;
        WriteAdapter("owner/base");
        using var client = hub.Client(LocalHub.Token);

        var pushed = await client.PushAsync(
            new HubPush { Folder = _folder.Path, Id = "me/adapter", Message = "First" });
        var folder = await client.ResolveAsync("me/adapter", RepositoryKind.Model);

        Assert.Equal("me/adapter", pushed.Id);
        Assert.Equal(new Uri(hub.Endpoint, "me/adapter"), pushed.Page);
        Assert.Equal("First", (string?)hub.LastCommit!["summary"]);
        Assert.Equal(
            ["README.md", "adapter_config.json", "adapter_model.safetensors", "copy/weights.bin", "nested/notes.txt"],
            hub.Repositories["me/adapter"].Files.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(
            File.ReadAllBytes(_folder.File("adapter_model.safetensors")),
            File.ReadAllBytes(Path.Combine(folder, "adapter_model.safetensors")));
    }

    [Fact]
    public async Task SecondPush_SendsNoContentTwice()
    {
        await using var hub = await LocalHub.StartAsync();
        WriteAdapter("owner/base");
        using var client = hub.Client(LocalHub.Token);
        var push = new HubPush { Folder = _folder.Path, Id = "me/adapter" };

        await client.PushAsync(push);
        await client.PushAsync(push);

        Assert.Single(hub.Requests, request => request.StartsWith("PUT"));
    }

    [Fact]
    public async Task BareName_GoesToTheTokensAccount_AndBusyStorageIsAskedAgain()
    {
        await using var hub = await LocalHub.StartAsync();
        WriteAdapter("owner/base");
        using var client = hub.Client(LocalHub.Token);
        hub.StorageFailures = 2;

        var pushed = await client.PushAsync(new HubPush { Folder = _folder.Path, Id = "adapter", IsPrivate = true });

        Assert.Equal("me/adapter", pushed.Id);
        Assert.True(hub.Repositories["me/adapter"].IsPrivate);
        Assert.Equal(3, hub.Requests.Count(request => request.StartsWith("PUT")));
    }

    [Fact]
    public async Task Branch_IsCreatedOnce_AndAPullRequestChangesNone()
    {
        await using var hub = await LocalHub.StartAsync();
        WriteAdapter("owner/base");
        using var client = hub.Client(LocalHub.Token);
        var push = new HubPush { Folder = _folder.Path, Id = "me/adapter", Branch = "v2" };

        await client.PushAsync(push);
        await client.PushAsync(push);
        var request = await client.PushAsync(push with { Branch = "main", CreatesPullRequest = true });

        Assert.Equal(["main", "v2"], hub.Repositories["me/adapter"].Branches.Order());
        Assert.Equal(new Uri(hub.Endpoint, "me/adapter/discussions/1"), request.Page);
    }

    [Fact]
    public async Task Token_IsNotSentToTheStorage()
    {
        await using var hub = await LocalHub.StartAsync();
        WriteAdapter("owner/base");
        using var client = hub.Client(LocalHub.Token);

        await client.PushAsync(new HubPush { Folder = _folder.Path, Id = "me/adapter" });

        Assert.DoesNotContain(hub.Requests, request => request.Contains(" storage ") && request.Contains("Bearer"));
    }

    [Fact]
    public async Task Push_WithoutTheRight_SaysWhichTokenIsNeeded()
    {
        await using var hub = await LocalHub.StartAsync();
        WriteAdapter("owner/base");
        var push = new HubPush { Folder = _folder.Path, Id = "me/adapter" };

        using var anonymous = hub.Client();
        var none = await Assert.ThrowsAsync<HubException>(() => anonymous.PushAsync(push));
        using var wrong = hub.Client("hf_read_only");
        var refused = await Assert.ThrowsAsync<HubException>(() => wrong.PushAsync(push));

        Assert.Contains("without a token", none.Message);
        Assert.Contains("HF_TOKEN", none.Message);
        Assert.Contains("create the repository", refused.Message);
        Assert.Contains("You don't have the rights", refused.Message);
        Assert.Contains("settings/tokens", refused.Message);
    }

    [Theory]
    [InlineData("/home/me/models/base")]
    [InlineData("./base")]
    public async Task Adapter_WhoseBaseIsAFolder_IsNotPushed(string baseModel)
    {
        await using var hub = await LocalHub.StartAsync();
        WriteAdapter(baseModel);
        using var client = hub.Client(LocalHub.Token);

        var error = await Assert.ThrowsAsync<ConfigurationException>(() =>
            client.PushAsync(new HubPush { Folder = _folder.Path, Id = "me/adapter" }));

        Assert.Contains(baseModel, error.Message);
        Assert.Contains("base_model_name_or_path", error.Message);
        Assert.Empty(hub.Requests);
    }

    [Fact]
    public async Task EmptyOrMissingFolder_IsNotPushed()
    {
        await using var hub = await LocalHub.StartAsync();
        using var client = hub.Client(LocalHub.Token);

        var empty = new HubPush { Folder = _folder.Path, Id = "me/a" };
        await Assert.ThrowsAsync<ConfigurationException>(() => client.PushAsync(empty));
        await Assert.ThrowsAsync<ConfigurationException>(() => client.PushAsync(empty with { Folder = "/none" }));
        await Assert.ThrowsAsync<ConfigurationException>(() => client.PushAsync(empty with { Id = "a b" }));
    }

    public void Dispose() => _folder.Dispose();

    private void WriteAdapter(string baseModel)
    {
        _folder.Write("adapter_config.json", $$"""{"base_model_name_or_path": "{{baseModel}}", "peft_type": "LORA"}""");
        _folder.Write("adapter_model.safetensors", new string('w', 4000));
        _folder.Write("copy/weights.bin", new string('w', 4000));
        _folder.Write("nested/notes.txt", "notes");
        _folder.Write("cache.ignored", "not wanted");
        _folder.Write(".git/config", "hidden");
        _folder.Write("README.md", "# Card");
    }
}
