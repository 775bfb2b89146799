using System.Net;
using System.Net.Http.Headers;
using Lorikeet.Testing;

namespace Lorikeet.Server.Tests;

/// <summary>Who may ask.</summary>
public sealed class AccessTests(NanoModel nano)
{
    private const string Key = "key-0123456789";
    private const string Other = "key-9876543210";

    [Theory]
    [InlineData(null, HttpStatusCode.Unauthorized)]
    [InlineData("Bearer key-012345678", HttpStatusCode.Unauthorized)]
    [InlineData("Bearer ", HttpStatusCode.Unauthorized)]
    [InlineData("Basic " + Key, HttpStatusCode.Unauthorized)]
    [InlineData("Bearer " + Key, HttpStatusCode.OK)]
    [InlineData("bearer " + Other, HttpStatusCode.OK)]
    public async Task Keys_AreAskedFor(string? authorization, HttpStatusCode status)
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["keys"], $"\n{Other}\n");
        await using var server = await TestServer.Start(
            nano.Host, new ServerOptions { ApiKeys = [Key], ApiKeyFile = folder["keys"] });
        foreach (var path in (string[])["/v1/models", "/metrics", "/nowhere"])
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            if (authorization is not null)
                request.Headers.TryAddWithoutValidation("Authorization", authorization);
            using var response = await server.Client.SendAsync(request, TestContext.Current.CancellationToken);
            Assert.Equal(
                status == HttpStatusCode.OK && path == "/nowhere" ? HttpStatusCode.NotFound : status,
                response.StatusCode);
        }

        Assert.Equal("ready", (string?)(await server.Get("/health"))["status"]); // for those who only watch
    }

    [Fact]
    public async Task Answers_TellBrowsersThatTheyAreNoPages()
    {
        await using var server = await TestServer.Start(nano.Host);
        foreach (var path in (string[])["/v1/models", "/health", "/nowhere"])
        {
            using var response = await server.Client.GetAsync(path, TestContext.Current.CancellationToken);
            Assert.Equal("nosniff", Assert.Single(response.Headers.GetValues("X-Content-Type-Options")));
            Assert.Contains("default-src 'none'", Assert.Single(response.Headers.GetValues("Content-Security-Policy")));
            Assert.True(response.Headers.CacheControl?.NoStore);
        }
    }

    [Theory]
    [InlineData("cross-site", "no-cors", HttpStatusCode.Forbidden)]
    [InlineData("same-site", "no-cors", HttpStatusCode.Forbidden)]
    [InlineData("cross-site", "navigate", HttpStatusCode.OK)]
    [InlineData("same-origin", "no-cors", HttpStatusCode.OK)]
    [InlineData("none", "navigate", HttpStatusCode.OK)]
    public async Task PartsOfOtherPages_AreRefusedWithoutAKey(string site, string mode, HttpStatusCode status)
    {
        await using var server = await TestServer.Start(nano.Host);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/models");
        request.Headers.TryAddWithoutValidation("Sec-Fetch-Site", site);
        request.Headers.TryAddWithoutValidation("Sec-Fetch-Mode", mode);
        using var response = await server.Client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(status, response.StatusCode);
    }

    [Fact]
    public async Task Keys_HaveTheirOwnResponses()
    {
        await using var server = await TestServer.Start(nano.Host, new ServerOptions { ApiKeys = [Key, Other] });
        server.Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Key);
        var id = (string)(await server.Post("/v1/responses", """{"input": "Who?", "max_output_tokens": 1}"""))["id"]!;
        await server.Get($"/v1/responses/{id}");
        server.Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Other);
        await server.Get($"/v1/responses/{id}", HttpStatusCode.NotFound);
    }

    [Theory]
    [InlineData("0.0.0.0", "other machines reach")]
    [InlineData("*", "other machines reach")]
    [InlineData("::", "other machines reach")]
    [InlineData("example.com", "Expected an IP address")]
    public async Task OtherMachines_AreRefusedWithoutAKey(string host, string says)
    {
        var fault = await Assert.ThrowsAsync<ConfigurationException>(() => ModelServer.Start(
            nano.Host, new ServerOptions { Host = host, Port = 0 },
            cancellation: TestContext.Current.CancellationToken));
        Assert.Contains(says, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PoorKey_IsRefused_WithoutBeingSaid()
    {
        var fault = await Assert.ThrowsAsync<ConfigurationException>(() => ModelServer.Start(
            nano.Host, new ServerOptions { ApiKeys = ["secret"], Port = 0 },
            cancellation: TestContext.Current.CancellationToken));
        Assert.DoesNotContain("secret", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PortThatIsTaken_IsSaid()
    {
        await using var server = await TestServer.Start(nano.Host);
        var fault = await Assert.ThrowsAsync<StorageException>(() => ModelServer.Start(
            nano.Host, new ServerOptions { Port = server.Server.Address.Port },
            cancellation: TestContext.Current.CancellationToken));
        Assert.Contains("Name another 'port'", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AddressOfAnotherMachine_IsSaid()
    {
        // of documentation: nobody's
        var elsewhere = new ServerOptions { Host = "192.0.2.1", Port = 0, ApiKeys = [Key] };
        var fault = await Assert.ThrowsAsync<StorageException>(() => ModelServer.Start(
            nano.Host, elsewhere, cancellation: TestContext.Current.CancellationToken));
        Assert.Contains("an address of this machine", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunThatCannotBeWatched_LeavesNoServerBehind()
    {
        using var socket = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        socket.Start();
        var port = ((IPEndPoint)socket.LocalEndpoint).Port;
        socket.Stop();
        var options = new ServerOptions { Port = port, WatchedRun = "\0" }; // no path has this sign
        await Assert.ThrowsAnyAsync<Exception>(() => ModelServer.Start(
            nano.Host, options, cancellation: TestContext.Current.CancellationToken));
        await using var server = await ModelServer.Start(
            nano.Host, options with { WatchedRun = null }, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(port, server.Address.Port);
    }

    [Theory]
    [InlineData("localhost", HttpStatusCode.OK)]
    [InlineData("127.0.0.1:99", HttpStatusCode.OK)]
    [InlineData("models.example", HttpStatusCode.OK)]
    [InlineData("evil.example", HttpStatusCode.Forbidden)]
    public async Task NamesThatOthersPointHere_AreRefused(string host, HttpStatusCode status)
    {
        await using var server = await TestServer.Start(
            nano.Host, new ServerOptions { AllowedHosts = ["models.example"] });
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/models") { Headers = { Host = host } };
        using var response = await server.Client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(status, response.StatusCode);
    }

    [Theory]
    [InlineData("https://app.example", HttpStatusCode.OK)]
    [InlineData("https://evil.example", HttpStatusCode.Forbidden)]
    [InlineData("null", HttpStatusCode.Forbidden)]
    public async Task Pages_AreLetInByTheirOrigin(string origin, HttpStatusCode status)
    {
        await using var server = await TestServer.Start(
            nano.Host, new ServerOptions { AllowedOrigins = ["https://app.example/"] });
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/models") { Headers = { { "Origin", origin } } };
        using var response = await server.Client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(status, response.StatusCode);
        Assert.Equal(status == HttpStatusCode.OK, response.Headers.Contains("Access-Control-Allow-Origin"));
    }

    [Fact]
    public async Task PageThatAsksIfItMayAsk_IsAnsweredWithoutAKey()
    {
        await using var server = await TestServer.Start(
            nano.Host, new ServerOptions { AllowedOrigins = ["*"], ApiKeys = [Key] });
        using var request = new HttpRequestMessage(HttpMethod.Options, "/v1/chat/completions")
        {
            Headers =
            {
                { "Origin", "https://app.example" },
                { "Access-Control-Request-Headers", "authorization,x-stainless-os" }
            },
        };
        using var response = await server.Client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        Assert.Equal(["authorization,x-stainless-os"], response.Headers.GetValues("Access-Control-Allow-Headers"));
    }
}
