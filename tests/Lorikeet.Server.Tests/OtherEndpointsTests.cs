using System.Globalization;
using System.Net;
using Lorikeet.Server.Endpoints;
using Lorikeet.Serving;

namespace Lorikeet.Server.Tests;

public sealed class OtherEndpointsTests(NanoModel nano) : IAsyncLifetime
{
    private TestServer _server = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _server = await TestServer.Start(nano.Host);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public void TokenThatPadsTheEmbedding_HasNoText()
    {
        var texts = new Endpoints.TokenTexts(nano.Host.Model.Tokenizer);
        var beyond = nano.Host.Model.Tokenizer!.VocabularySize;
        Assert.Equal("", texts.Of(beyond));
        var described = Assert.Single(texts.Describe([new(beyond, -1, [new(beyond, -1)])]));
        Assert.Equal("", Assert.Single(described.TopLogprobs).Token);
    }

    [Fact]
    public async Task Models_AreTheBaseAndItsAdapters()
    {
        var list = await _server.Get("/v1/models");
        Assert.Equal("list", (string?)list["object"]);
        Assert.Equal(
            [NanoModel.Base, NanoModel.Adapter, NanoModel.Early],
            list["data"]!.AsArray().Select(model => (string?)model!["id"]));

        var one = await _server.Get($"/v1/models/{NanoModel.Adapter}");
        Assert.Equal((NanoModel.Base, NanoModel.Small.MaxLength), ((string?)one["parent"], (int?)one["max_model_len"]));
        await _server.Get("/v1/models/owner/name", HttpStatusCode.NotFound);
        Assert.Equal(2, (await _server.Get("/v1/adapters"))["data"]!.AsArray().Count);
    }

    [Fact]
    public async Task Health_SaysWhetherRequestsAreTaken()
    {
        Assert.Equal("ready", (string?)(await _server.Get("/health"))["status"]);
        Assert.Equal("draining", Health.StatusOf(fault: null, isDraining: true));
        Assert.Equal("failed", Health.StatusOf(new DeviceException("The device fell off."), isDraining: false));
        Assert.Equal("failed", Health.StatusOf(new DeviceException("The device fell off."), isDraining: true));
    }

    [Fact]
    public async Task Tokens_GoToAndFro()
    {
        const string text = "Hà Nội is the capital of Việt Nam.";
        var tokens = (
            await _server.Post("/tokenize", $$"""{"prompt": "{{text}}", "add_special_tokens": false}"""))["tokens"]!;
        Assert.Equal(
            text,
            (string?)(await _server.Post("/detokenize", $$"""{"tokens": {{tokens.ToJsonString()}}}"""))["prompt"]);

        var chat = await _server.Post(
            "/tokenize", """{"model": "nano", "messages": [{"role": "user", "content": "Who?"}]}""");
        var rendered = await _server.Post("/detokenize", $$"""{"tokens": {{chat["tokens"]!.ToJsonString()}}}""");
        Assert.Equal(
            "<s><user>Who?</user>\n<assistant>",
            ((string)rendered["prompt"]!).Replace("<s> ", "<s>", StringComparison.Ordinal));
        Assert.Equal((int)chat["count"]!, chat["tokens"]!.AsArray().Count);
    }

    [Fact]
    public async Task Metrics_CountWhatWasAnswered()
    {
        using var model = nano.Load();
        await using var host = ModelHost.Start(model, NanoModel.Small);
        await using var server = await TestServer.Start(host);
        await server.Post(
            "/v1/completions", """{"prompt": "The river", "max_tokens": 7, "temperature": 0, "ignore_eos": true}""");
        await server.Refusal("/v1/completions", """{"prompt": 5}""");
        var metrics = await server.Client.GetStringAsync("/metrics", Cancellation);

        Assert.Equal(7, Value("generation_tokens_total"));
        Assert.Equal(host.Tokenize("The river").Length, Value("prompt_tokens_total"));
        Assert.Equal(1, Value("request_success_total", "finished_reason=\"length\""));
        Assert.Equal(1, Value("request_errors_total", "status=\"400\""));
        Assert.Equal(1, Value("time_to_first_token_seconds_count", "model_name=\"nano\""));
        Assert.Equal(6, Value("inter_token_latency_seconds_count"));
        Assert.Equal(1, Value("e2e_request_latency_seconds_count"));
        Assert.Equal(0, Value("num_requests_running"));
        Assert.Contains("http_server_request_duration_seconds", metrics, StringComparison.Ordinal);

        double Value(string name, string label = "") => double.Parse(
            metrics.Split('\n').Single(line => line.StartsWith($"lorikeet_{name}", StringComparison.Ordinal)
                && line[$"lorikeet_{name}".Length] is '{' or ' ' && line.Contains(label, StringComparison.Ordinal))
                .Split(' ')[1],
            CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task Silence_IsFilledWithSignsOfLife()
    {
        var next = new TaskCompletionSource<int>();
        var beats = 0;
        var reading = Read();
        while (beats < 2)
            await Task.Delay(1, Cancellation);
        next.SetResult(5);
        Assert.Equal([5], await reading);

        async Task<List<int>> Read()
        {
            var elements = new List<int>();
            await foreach (var element in KeepAlive.During(
                Source(), TimeSpan.FromMilliseconds(1), Beat, TimeProvider.System))
                elements.Add(element);
            return elements;
        }

        async IAsyncEnumerable<int> Source()
        {
            yield return await next.Task;
        }

        Task Beat()
        {
            Interlocked.Increment(ref beats);
            return Task.CompletedTask;
        }
    }

    [Fact]
    public async Task ElementThatComesAsItsTimeEnds_IsGiven()
    {
        for (var i = 0; i < 100; i++)
        {
            var elements = KeepAlive.During(
                Source(), TimeSpan.FromMilliseconds(1), () => Task.CompletedTask, TimeProvider.System);
            Assert.Equal([7], await elements.ToListAsync(Cancellation));
        }

        static async IAsyncEnumerable<int> Source()
        {
            await Task.Delay(1, CancellationToken.None);
            yield return 7;
        }
    }
}
