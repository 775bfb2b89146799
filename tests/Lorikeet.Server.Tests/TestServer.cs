using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Lorikeet.Serving;

namespace Lorikeet.Server.Tests;

/// <summary>A server on a free port, and a client that speaks with it over real HTTP.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private readonly List<string> _reports = [];

    private TestServer()
    {
    }

    public ModelServer Server { get; private set; } = null!;

    public HttpClient Client { get; private set; } = null!;

    /// <summary>What the server said to its owner.</summary>
    public IReadOnlyList<string> Reports
    {
        get
        {
            lock (_reports)
                return [.. _reports];
        }
    }

    /// <summary>Starts one.</summary>
    public static async Task<TestServer> Start(ModelHost host, ServerOptions? options = null)
    {
        var test = new TestServer();
        test.Server = await ModelServer.Start(host, (options ?? new ServerOptions()) with { Port = 0 }, report =>
        {
            lock (test._reports)
                test._reports.Add(report);
        }, TestContext.Current.CancellationToken);
        test.Client = new HttpClient { BaseAddress = test.Server.Address, Timeout = TimeSpan.FromSeconds(60) };
        return test;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Server.DisposeAsync();
    }

    /// <summary>Gets JSON that has to come with a status.</summary>
    public async Task<JsonNode> Get(string path, HttpStatusCode status = HttpStatusCode.OK) =>
        await Read(await Client.GetAsync(path, TestContext.Current.CancellationToken), status);

    /// <summary>Posts JSON, and gets JSON that has to come with a status.</summary>
    public async Task<JsonNode> Post(string path, string body, HttpStatusCode status = HttpStatusCode.OK) =>
        await Read(await Client.PostAsync(path, Json(body), TestContext.Current.CancellationToken), status);

    /// <summary>The error of a request that has to fail with a status.</summary>
    public async Task<JsonObject> Refusal(string path, string body, HttpStatusCode status = HttpStatusCode.BadRequest)
    {
        var error = (await Post(path, body, status))["error"]!.AsObject();
        Assert.Equal(["message", "type", "param", "code"], error.Select(pair => pair.Key));
        return error;
    }

    /// <summary>The events of a stream: name (null for none) and data.</summary>
    public async Task<List<(string? Name, string Data)>> Stream(string path, string body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = Json(body) };
        using var response = await Client.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(response.IsSuccessStatusCode, text);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        return Events(text);
    }

    /// <summary>The events of a stream's text, without comments.</summary>
    public static List<(string? Name, string Data)> Events(string text) =>
        [
            .. text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Where(part => !part.StartsWith(':'))
                .Select(Event)];

    /// <summary>The chunks of a stream that ends as OpenAI's do.</summary>
    public async Task<List<JsonNode>> Chunks(string path, string body)
    {
        var events = await Stream(path, body);
        Assert.Equal((null, "[DONE]"), events[^1]);
        return [.. events.SkipLast(1).Select(one => JsonNode.Parse(one.Data)!)];
    }

    public static StringContent Json(string body) =>
        new(body, Encoding.UTF8, new MediaTypeHeaderValue("application/json"));

    private static async Task<JsonNode> Read(HttpResponseMessage response, HttpStatusCode status)
    {
        using (response)
        {
            var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            Assert.True(response.StatusCode == status, $"{(int)response.StatusCode}: {text}");
            return JsonNode.Parse(text)!;
        }
    }

    private static (string? Name, string Data) Event(string part)
    {
        var lines = part.Split('\n');
        var name = lines.FirstOrDefault(line => line.StartsWith("event: ", StringComparison.Ordinal))?[7..];
        return (name, lines.Single(line => line.StartsWith("data: ", StringComparison.Ordinal))[6..]);
    }
}
