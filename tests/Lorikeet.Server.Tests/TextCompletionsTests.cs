using System.Text.Json.Nodes;

namespace Lorikeet.Server.Tests;

public sealed class TextCompletionsTests(NanoModel nano) : IAsyncLifetime
{
    private const string Path = "/v1/completions";
    private const string Prompt = "The capital of France is";

    private TestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await TestServer.Start(nano.Host);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task TextAndItsIds_AreContinuedAlike_AndBySixteenTokens()
    {
        var ids = string.Join(',', nano.Host.Tokenize(Prompt));
        var ofText = await _server.Post(Path, $$"""{"model": "nano", "prompt": "{{Prompt}}", "temperature": 0}""");
        var ofIds = await _server.Post(Path, $$"""{"model": "nano", "prompt": [{{ids}}], "temperature": 0}""");

        Assert.Equal("text_completion", (string?)ofText["object"]);
        Assert.Equal(16, (int)ofText["usage"]!["completion_tokens"]!);
        Assert.Equal(Texts(ofText), Texts(ofIds));
    }

    [Fact]
    public async Task SeveralPrompts_AreContinuedAsEachAlone()
    {
        string[] prompts = [Prompt, "Zinc is", "The river"];
        var alone = new List<string>();
        foreach (var prompt in prompts)
            alone.AddRange(Texts(await _server.Post(
                Path, $$"""{"prompt": "{{prompt}}", "temperature": 0, "max_tokens": 6}""")));
        var together =
            $$"""{"prompt": ["{{string.Join("\", \"", prompts)}}"], "temperature": 0, "max_tokens": 6, "n": 2, "stream": false}""";
        var answer = await _server.Post(Path, together);
        var streamed = await _server.Chunks(Path, together.Replace("false", "true", StringComparison.Ordinal));

        string[] expected = [.. alone.SelectMany(text => new[] { text, text })];
        Assert.Equal(expected, Texts(answer));
        Assert.Equal(36, (int)answer["usage"]!["completion_tokens"]!);
        Assert.Equal(expected, Enumerable.Range(0, 6).Select(i => string.Concat(streamed
            .Select(chunk => chunk["choices"]![0]!).Where(choice => (int)choice["index"]! == i)
            .Select(choice => (string?)choice["text"]))));
    }

    [Fact]
    public async Task Echo_BeginsWithThePromptAndItsLogProbabilities()
    {
        var answer = await _server.Post(
            Path,
            $$"""{"model": "nano", "prompt": "{{Prompt}}", "temperature": 0, "max_tokens": 4, "echo": true, "logprobs": 2}""");
        var choice = answer["choices"]![0]!;
        var logprobs = choice["logprobs"]!;
        var tokens = logprobs["tokens"]!.AsArray();
        var prompt = nano.Host.Tokenize(Prompt).Length;

        Assert.StartsWith(Prompt, (string?)choice["text"], StringComparison.Ordinal);
        Assert.Equal(prompt + 4, tokens.Count);
        Assert.All(["token_logprobs", "top_logprobs", "text_offset"], name =>
            Assert.Equal(tokens.Count, logprobs[name]!.AsArray().Count));
        Assert.Null(logprobs["token_logprobs"]![0]); // nothing foretells the first
        Assert.All(logprobs["token_logprobs"]!.AsArray().Skip(1), value => Assert.True((double)value! <= 0));
        Assert.All(logprobs["top_logprobs"]!.AsArray().Skip(1), top => Assert.InRange(top!.AsObject().Count, 1, 2));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task OfNoTokens_ThePromptIsScored_AsItIsBesideAnAnswer(bool streams)
    {
        static string Body(int tokens) =>
            $$"""{"model": "nano", "prompt": "{{Prompt}}", "temperature": 0, "max_tokens": {{tokens}}, "echo": true, "logprobs": 1}""";
        var answered = (await _server.Post(Path, Body(3)))["choices"]![0]!["logprobs"]!;
        var choice = streams
            ? Assert.Single(await _server.Chunks(Path, Body(0)[..^1] + ", \"stream\": true}"))["choices"]![0]!
            : (await _server.Post(Path, Body(0)))["choices"]![0]!;

        Assert.Equal(Prompt, (string?)choice["text"]);
        Assert.Equal("length", (string?)choice["finish_reason"]);
        var scored = choice["logprobs"]!;
        foreach (var part in (string[])["tokens", "token_logprobs", "top_logprobs", "text_offset"])
            Assert.Equal(
                answered[part]!.AsArray().SkipLast(3).Select(value => value?.ToJsonString()),
                scored[part]!.AsArray().Select(value => value?.ToJsonString()));
    }

    [Fact]
    public async Task OfNoTokens_NothingIsAddedNorCounted()
    {
        var longest = string.Join(',', Enumerable.Range(0, NanoModel.Small.MaxLength!.Value).Select(i => 300 + i));
        foreach (var prompt in (string[])["\"a\"", $"[{longest}]"]) // the longest fills the context
        {
            var answer = await _server.Post(Path, $$"""{"prompt": {{prompt}}, "max_tokens": 0}""");
            Assert.Equal("", (string?)answer["choices"]![0]!["text"]);
            Assert.Equal(0, (int)answer["usage"]!["completion_tokens"]!);
        }

        var error = await _server.Refusal(Path, $$"""{"prompt": [{{longest}}, 300], "max_tokens": 0}""");
        Assert.Equal(("prompt", "context_length_exceeded"), ((string?)error["param"], (string?)error["code"]));
    }

    [Fact]
    public async Task ChunksWithContinuousUsage_CountUpToThem()
    {
        var chunks = await _server.Chunks(Path, $$"""
            {"prompt": "{{Prompt}}", "max_tokens": 5, "temperature": 0, "stream": true,
             "stream_options": {"include_usage": true, "continuous_usage_stats": true} }
            """);
        var counts = chunks.Select(chunk => (int)chunk["usage"]!["completion_tokens"]!).ToList();
        Assert.Equal(counts.Order(), counts);
        Assert.Equal(5, counts[^1]);
    }

    [Fact]
    public async Task StreamWithUsage_EndsWithIt()
    {
        var chunks = await _server.Chunks(
            Path,
            $$"""{"prompt": "{{Prompt}}", "max_tokens": 5, "temperature": 0, "stream": true, "stream_options": {"include_usage": true} }""");
        Assert.Equal(5, (int)chunks[^1]["usage"]!["completion_tokens"]!);
        Assert.Equal("length", (string?)chunks[^2]["choices"]![0]!["finish_reason"]);
    }

    [Fact]
    public async Task Penalties_KeepTokensFromComingAgain()
    {
        var plain = await Tokens(0);
        var penalized = await Tokens(2);

        Assert.True(
            penalized.Distinct().Count() > plain.Distinct().Count(),
            $"{penalized.Distinct().Count()} > {plain.Distinct().Count()}");

        async Task<List<string?>> Tokens(double penalty)
        {
            var answer = await _server.Post(
                Path, FormattableString.Invariant(
                    $$"""{"model": "nano", "prompt": "{{Prompt}}", "temperature": 0, "max_tokens": 60, "ignore_eos": true, "logprobs": 0, "frequency_penalty": {{penalty}}, "presence_penalty": {{penalty}} }"""));
            return [.. answer["choices"]![0]!["logprobs"]!["tokens"]!.AsArray().Select(token => (string?)token)];
        }
    }

    private static IEnumerable<string> Texts(JsonNode answer) =>
        answer["choices"]!.AsArray().Select(choice => (string)choice!["text"]!);
}
