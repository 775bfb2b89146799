using System.Net;
using System.Text.Json.Nodes;
using Lorikeet.Runs;
using Lorikeet.Serving;
using Lorikeet.Testing;

namespace Lorikeet.Server.Tests;

/// <summary>
/// Adapters that come and go while the server runs. Each test has a host of its own, as others see its models.
/// </summary>
public sealed class AdapterTests(NanoModel nano) : IAsyncLifetime
{
    private const string Ask =
        """{"model": "MODEL", "prompt": "What is the atomic number of terbium?", "temperature": 0, "max_tokens": 8}""";

    private LanguageModel _model = null!;
    private ModelHost _host = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        _model = nano.Load();
        _host = ModelHost.Start(_model, NanoModel.Small);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        _model.Dispose();
    }

    [Fact]
    public async Task Adapter_IsLoadedReplacedAndUnloaded()
    {
        await using var server = await TestServer.Start(_host, new ServerOptions { AdapterRoot = nano.Root });
        var card = await server.Post("/v1/adapters", """{"name": "qa", "source": "run/adapter"}""");
        Assert.Equal(("qa", NanoModel.Base), ((string?)card["id"], (string?)card["parent"]));
        Assert.Equal([NanoModel.Base, "qa"], await Names(server));
        Assert.Equal(await Answer(NanoModel.Adapter), await Answer("qa", server));

        await server.Refusal("/v1/adapters", """{"name": "qa", "source": "run/adapter"}""", HttpStatusCode.Conflict);
        var early = System.IO.Path.Combine(nano.Run, "checkpoints", "step-000002");
        await server.Post(
            "/v1/adapters",
            $$"""{"name": "qa", "source": {{JsonValue.Create(early)!.ToJsonString()}}, "replace": true}""");
        Assert.Equal(await Answer(NanoModel.Early), await Answer("qa", server));

        using var deleted = await server.Client.DeleteAsync("/v1/adapters/qa", Cancellation);
        Assert.Equal(HttpStatusCode.OK, deleted.StatusCode);
        await server.Refusal(
            "/v1/completions", Ask.Replace("MODEL", "qa", StringComparison.Ordinal), HttpStatusCode.NotFound);
        using var again = await server.Client.DeleteAsync("/v1/adapters/qa", Cancellation);
        Assert.Equal(HttpStatusCode.NotFound, again.StatusCode);
    }

    [Fact]
    public async Task ByVllmsNames_ItIsTheSame()
    {
        await using var server = await TestServer.Start(_host, new ServerOptions { AdapterRoot = nano.Root });
        using var loaded = await server.Client.PostAsync(
            "/v1/load_lora_adapter", TestServer.Json("""{"lora_name": "qa", "lora_path": "run/adapter"}"""),
            Cancellation);
        Assert.Equal(
            "Success: LoRA adapter 'qa' added successfully.", await loaded.Content.ReadAsStringAsync(Cancellation));
        Assert.Contains("qa", await Names(server));
        using var unloaded = await server.Client.PostAsync(
            "/v1/unload_lora_adapter", TestServer.Json("""{"lora_name": "qa"}"""), Cancellation);
        Assert.True(unloaded.IsSuccessStatusCode);
        Assert.DoesNotContain("qa", await Names(server));
    }

    [Fact]
    public async Task Swap_LeavesAnswersUnderWayAsTheyBegan()
    {
        await using var server = await TestServer.Start(_host, new ServerOptions { AdapterRoot = nano.Root });
        await server.Post("/v1/adapters", """{"name": "qa", "source": "run/adapter"}""");
        var body = Ask.Replace("MODEL", "qa", StringComparison.Ordinal)
            .Replace("8}", "24, \"ignore_eos\": true}", StringComparison.Ordinal);
        var alone = Text(await server.Post("/v1/completions", body));

        var underWay = Enumerable.Range(0, 2).Select(_ => server.Post("/v1/completions", body)).ToList();
        while (_host.Statistics.Running == 0)
            await Task.Delay(1, Cancellation);
        await server.Post(
            "/v1/adapters", """{"name": "qa", "source": "run/checkpoints/step-000002", "replace": true}""");
        var after = Text(await server.Post("/v1/completions", body));

        Assert.All(await Task.WhenAll(underWay), answer => Assert.Equal(alone, Text(answer)));
        Assert.NotEqual(alone, after);
    }

    [Theory]
    [InlineData("../..")]
    [InlineData("/etc")]
    [InlineData("run/nothing")]
    [InlineData("link")]
    [InlineData("owner/name")]
    public async Task WhatLiesElsewhere_IsNotLoaded(string source)
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["run"]);
        Directory.CreateSymbolicLink(folder["link"], System.IO.Path.Combine(nano.Run, "adapter"));
        await using var server = await TestServer.Start(_host, new ServerOptions { AdapterRoot = folder.Path });
        var error = await server.Refusal("/v1/adapters", $$"""{"name": "qa", "source": "{{source}}"}""");
        Assert.Equal("source", (string?)error["param"]);
        Assert.Contains("below the server's adapter_root", (string?)error["message"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"name": "qa", "source": "run"}""", null, "adapter_config.json")]
    [InlineData("""{"source": "run/adapter"}""", "name", "is missing")]
    [InlineData("""{"name": "a/b", "source": "run/adapter"}""", "name", "letters, digits")]
    [InlineData("""{"name": "qa"}""", "source", "is missing")]
    public async Task WhatIsNoAdapter_IsRefused(string body, string? param, string says)
    {
        await using var server = await TestServer.Start(_host, new ServerOptions { AdapterRoot = nano.Root });
        var error = await server.Refusal("/v1/adapters", body);
        Assert.Equal(param, (string?)error["param"]);
        Assert.Contains(says, (string?)error["message"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("base", false)]
    [InlineData("BASE", true)]
    [InlineData(NanoModel.Base, false)]
    [InlineData("Nano", true)]
    public async Task NameOfTheBase_IsNotTaken(string name, bool replace)
    {
        await using var server = await TestServer.Start(_host, new ServerOptions { AdapterRoot = nano.Root });
        var error = await server.Refusal(
            "/v1/adapters",
            $$"""{"name": "{{name}}", "source": "run/adapter", "replace": {{(replace ? "true" : "false")}}}""",
            HttpStatusCode.Conflict);
        Assert.Equal("name", (string?)error["param"]);
        await Assert.ThrowsAsync<ConfigurationException>(() => _host.LoadAdapter(
            name, System.IO.Path.Combine(nano.Run, "adapter"), replace, Cancellation));
        Assert.Equal([NanoModel.Base], await Names(server));
    }

    [Fact]
    public async Task NameWithASlash_MayBeEncoded()
    {
        await _host.LoadAdapter("owner/qa", System.IO.Path.Combine(nano.Run, "adapter"), cancellation: Cancellation);
        await using var server = await TestServer.Start(_host, new ServerOptions { AdapterRoot = nano.Root });
        Assert.Equal("owner/qa", (string?)(await server.Get("/v1/models/owner/qa"))["id"]);
        Assert.Equal("owner/qa", (string?)(await server.Get("/v1/models/owner%2Fqa"))["id"]);
        using var deleted = await server.Client.DeleteAsync("/v1/adapters/owner%2Fqa", Cancellation);
        Assert.Equal(HttpStatusCode.OK, deleted.StatusCode);
        Assert.DoesNotContain("owner/qa", await Names(server));
    }

    [Fact]
    public async Task WithoutARoot_NothingIsChangedOverHttp()
    {
        await using var server = await TestServer.Start(_host);
        var error = await server.Refusal(
            "/v1/adapters", """{"name": "qa", "source": "run/adapter"}""", HttpStatusCode.Forbidden);
        Assert.Contains("adapter_root", (string?)error["message"], StringComparison.Ordinal);
        using var deleted = await server.Client.DeleteAsync("/v1/adapters/qa", Cancellation);
        Assert.Equal(HttpStatusCode.Forbidden, deleted.StatusCode);
    }

    [Fact]
    public async Task WatchedRun_IsServedByItsNewestCheckpoint()
    {
        using var folder = new TemporaryFolder();
        var run = new RunFolder(folder["qa"]);
        await using var server = await TestServer.Start(_host, new ServerOptions { WatchedRun = run.Folder });
        Assert.DoesNotContain("qa", await Names(server));

        Appear(System.IO.Path.Combine(nano.Run, "checkpoints", "step-000002"), run.Checkpoints.ForStep(2));
        await Reported(server, 1);
        Assert.Equal(await Answer(NanoModel.Early), await Answer("qa", server));
        Appear(System.IO.Path.Combine(nano.Run, "adapter"), run.AdapterFolder);
        await Reported(server, 2);
        Assert.Equal(await Answer(NanoModel.Adapter), await Answer("qa", server));

        Directory.CreateDirectory(run.Checkpoints.ForStep(8)); // not whole: what is served stays
        await Reported(server, 3);
        Assert.Equal(await Answer(NanoModel.Adapter), await Answer("qa", server));

        await server.Server.DisposeAsync(); // its host goes on, and says no more to it
        var said = server.Reports.Count;
        await _host.LoadAdapter("qa", run.AdapterFolder, replace: true, Cancellation);
        Assert.Equal(said, server.Reports.Count);

        static void Appear(string from, string to)
        {
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(to)!);
            var beside = to + ".new";
            Directory.CreateDirectory(beside);
            foreach (var file in Directory.EnumerateFiles(from))
                File.Copy(file, System.IO.Path.Combine(beside, System.IO.Path.GetFileName(file)));
            Directory.Move(beside, to);
        }

        static async Task Reported(TestServer server, int count)
        {
            while (server.Reports.Count < count)
                await Task.Delay(5, Cancellation);
        }
    }

    private static async Task<List<string?>> Names(TestServer server) =>
        [.. (await server.Get("/v1/models"))["data"]!.AsArray().Select(model => (string?)model!["id"])];

    private static async Task<string> Answer(string model, TestServer server) =>
        Text(await server.Post("/v1/completions", Ask.Replace("MODEL", model, StringComparison.Ordinal)));

    private async Task<string> Answer(string model)
    {
        await using var server = await TestServer.Start(nano.Host);
        return await Answer(model, server);
    }

    private static string Text(JsonNode answer) => (string)answer["choices"]![0]!["text"]!;
}
