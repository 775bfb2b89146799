using System.Net;
using System.Text.Json.Nodes;
using Lorikeet.Serving;

namespace Lorikeet.Server.Tests;

/// <summary>Many at once, too many, those who leave, and the end.</summary>
public sealed class LoadTests(NanoModel nano)
{
    private const string Chat = "/v1/chat/completions";
    private const string Endless =
        """{"messages": [{"role": "user", "content": "Who?"}], "max_tokens": 100, "temperature": 0, "ignore_eos": true, "stream": true}""";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task MixedRequests_AreAnsweredAsEachAlone()
    {
        await using var server = await TestServer.Start(nano.Host);
        string[] models = [NanoModel.Base, NanoModel.Adapter, NanoModel.Early];
        List<string> bodies =
        [
            .. Enumerable.Range(0, 9).Select(i =>
                $$"""{"model": "{{models[i % 3]}}", "messages": [{"role": "user", "content": "{{string.Concat(Enumerable.Repeat("river ", 1 + i * 4))}}"}], "max_tokens": {{2 + i}}, "temperature": {{i % 2}}, "seed": {{i}}}"""),
        ];
        var alone = new List<string>();
        foreach (var body in bodies)
            alone.Add(Text(await server.Post(Chat, body)));

        var together = bodies.Select(body => server.Post(Chat, body)).ToList();
        var bad = bodies.Select(
            body =>
                server.Post(Chat, body.Replace("user", "nobody", StringComparison.Ordinal), HttpStatusCode.BadRequest));
        await Task.WhenAll(bad);
        Assert.Equal(alone, (await Task.WhenAll(together)).Select(Text));
    }

    [Fact]
    public async Task ClientThatLeaves_FreesItsPlace()
    {
        using var model = nano.Load();
        await using var host = ModelHost.Start(model, NanoModel.Small with { MaxSequences = 1 });
        await using var server = await TestServer.Start(host);
        using (var leaving = await Begin(server, Endless))
        {
            var stream = await leaving.Content.ReadAsStreamAsync(Cancellation);
            Assert.True(await stream.ReadAsync(new byte[16], Cancellation) > 0);
            Assert.Equal(1, host.Statistics.Running);
        }

        // The only place is free again.
        var answer = await server.Post(
            Chat, """{"messages": [{"role": "user", "content": "Who?"}], "max_tokens": 2}""");
        Assert.Equal(2, (int)answer["usage"]!["completion_tokens"]!);
        while (host.Statistics is { Running: > 0 } or { BlocksUsed: > 0 })
            await Task.Delay(1, Cancellation);
    }

    [Fact]
    public async Task QueueThatIsFull_IsSaidWithWhenToAskAgain()
    {
        using var model = nano.Load();
        await using var host = ModelHost.Start(model, NanoModel.Small with { MaxSequences = 1, MaxQueue = 0 });
        await using var server = await TestServer.Start(host);
        using var first = await Begin(server, Endless);
        using var second = await server.Client.PostAsync(
            Chat, TestServer.Json("""{"messages": [{"role": "user", "content": "Who?"}], "max_tokens": 1}"""),
            Cancellation);

        Assert.Equal(HttpStatusCode.TooManyRequests, second.StatusCode);
        Assert.True(second.Headers.RetryAfter!.Delta > TimeSpan.Zero);
        var error = JsonNode.Parse(await second.Content.ReadAsStringAsync(Cancellation))!["error"]!;
        Assert.Equal(("rate_limit_error", "queue_full"), ((string?)error["type"], (string?)error["code"]));
    }

    [Fact]
    public async Task RequestThatTakesTooLong_IsEnded()
    {
        await using var server = await TestServer.Start(nano.Host, new ServerOptions { RequestTimeout = 0.05 });
        var error = await server.Refusal(
            Chat, Endless.Replace(", \"stream\": true", "", StringComparison.Ordinal), HttpStatusCode.GatewayTimeout);
        Assert.Equal("request_timeout", (string?)error["code"]);
    }

    [Fact]
    public async Task Drain_FinishesWhatBeganAndTakesNothingNew()
    {
        await using var server = await TestServer.Start(nano.Host);
        using var underWay = await Begin(server, Endless);
        var stopping = server.Server.Stop();

        Assert.Equal("draining", (string?)(await server.Get("/health", HttpStatusCode.ServiceUnavailable))["status"]);
        var error = await server.Refusal(Chat, Endless, HttpStatusCode.ServiceUnavailable);
        Assert.Equal("server_error", (string?)error["type"]);
        Assert.EndsWith(
            "data: [DONE]\n\n", await underWay.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        Assert.True(await stopping);
        await Assert.ThrowsAsync<HttpRequestException>(() => server.Get("/health"));
    }

    [Fact]
    public async Task DrainWithoutPatience_EndsAnswersWithAnError()
    {
        await using var server = await TestServer.Start(nano.Host, new ServerOptions { DrainTimeout = 0 });
        using var underWay = await Begin(server, Endless);
        Assert.False(await server.Server.Stop());
        var text = await underWay.Content.ReadAsStringAsync(Cancellation);
        var last = text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries)[^1];
        Assert.Contains(
            "The server stopped", (string?)JsonNode.Parse(last["data: ".Length..])!["error"]!["message"],
            StringComparison.Ordinal);
    }

    private static async Task<HttpResponseMessage> Begin(TestServer server, string body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Chat) { Content = TestServer.Json(body) };
        var response = await server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancellation);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return response;
    }

    private static string Text(JsonNode answer) => (string)answer["choices"]![0]!["message"]!["content"]!;
}
