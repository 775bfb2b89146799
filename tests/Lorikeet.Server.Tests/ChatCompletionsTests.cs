using System.Net;
using System.Text.Json.Nodes;
using Lorikeet.Data;
using Lorikeet.Serving;

namespace Lorikeet.Server.Tests;

public sealed class ChatCompletionsTests(NanoModel nano) : IAsyncLifetime
{
    private const string Path = "/v1/chat/completions";

    private TestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await TestServer.Start(nano.Host);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData(NanoModel.Base)]
    [InlineData(NanoModel.Adapter)]
    [InlineData(NanoModel.Early)]
    public async Task Answer_IsThatOfTheHost(string model)
    {
        var expected = await AskHost(model, tokens: 12);
        var answer = await _server.Post(Path, Body(model, """ "max_tokens": 12 """));

        Assert.Equal("chat.completion", (string?)answer["object"]);
        Assert.StartsWith("chatcmpl-", (string?)answer["id"], StringComparison.Ordinal);
        Assert.Equal(model, (string?)answer["model"]);
        var choice = Assert.Single(answer["choices"]!.AsArray())!;
        Assert.Equal(expected, (string?)choice["message"]!["content"]);
        Assert.Equal("assistant", (string?)choice["message"]!["role"]);
        Assert.Equal("length", (string?)choice["finish_reason"]);
        var usage = answer["usage"]!;
        Assert.Equal(12, (int)usage["completion_tokens"]!);
        Assert.Equal((int)usage["total_tokens"]!, (int)usage["prompt_tokens"]! + 12);
        Assert.InRange((int)usage["prompt_tokens_details"]!["cached_tokens"]!, 0, (int)usage["prompt_tokens"]!);
    }

    [Fact]
    public async Task WithoutAModel_TheFirstAdapterAnswers()
    {
        var answer = await _server.Post(
            Path, """{"messages": [{"role": "user", "content": "Who?"}], "max_tokens": 2}""");
        Assert.Equal(NanoModel.Adapter, (string?)answer["model"]);
    }

    [Fact]
    public async Task Stream_AddsUpToTheAnswer()
    {
        var whole = await _server.Post(Path, Body(NanoModel.Adapter, """ "max_tokens": 16, "temperature": 0 """));
        var chunks = await _server.Chunks(
            Path,
            Body(
                NanoModel.Adapter,
                """ "max_tokens": 16, "temperature": 0, "stream": true, "stream_options": {"include_usage": true} """));

        Assert.All(chunks, chunk => Assert.Equal("chat.completion.chunk", (string?)chunk["object"]));
        Assert.Single(chunks.Select(chunk => (string?)chunk["id"]).Distinct());
        Assert.Equal("assistant", (string?)chunks[0]["choices"]![0]!["delta"]!["role"]);
        var text = string.Concat(
            chunks.SkipLast(1).Select(chunk => (string?)chunk["choices"]![0]!["delta"]!["content"]));
        Assert.Equal((string?)whole["choices"]![0]!["message"]!["content"], text);
        Assert.Equal("length", (string?)chunks[^2]["choices"]![0]!["finish_reason"]);
        Assert.Empty(chunks[^1]["choices"]!.AsArray());
        Assert.Equal(16, (int)chunks[^1]["usage"]!["completion_tokens"]!);
        Assert.All(chunks.SkipLast(1), chunk => Assert.Null(chunk["usage"]));
    }

    [Fact]
    public async Task SeveralAnswers_AreDrawnApart_AndTheSeedDecidesThem()
    {
        var body = Body(NanoModel.Base, """ "max_tokens": 16, "n": 3, "temperature": 1.5, "seed": 7 """);
        var first = Texts(await _server.Post(Path, body));
        var again = Texts(await _server.Post(Path, body));
        var streamed = await _server.Chunks(
            Path, body.Replace("\"n\"", "\"stream\": true, \"n\"", StringComparison.Ordinal));

        Assert.Equal(3, first.Distinct().Count());
        Assert.Equal(first, again);
        Assert.Equal(first, Enumerable.Range(0, 3).Select(i => string.Concat(streamed
            .SelectMany(chunk => chunk["choices"]!.AsArray()).Where(choice => (int)choice!["index"]! == i)
            .Select(choice => (string?)choice!["delta"]!["content"]))));
        Assert.NotEqual(first, Texts(await _server.Post(Path, body.Replace("7", "8", StringComparison.Ordinal))));
    }

    [Fact]
    public async Task LogProbabilities_AreOneATokenWithTheMostLikelyBeside()
    {
        var answer = await _server.Post(
            Path, Body(NanoModel.Base, """ "max_tokens": 5, "temperature": 0, "logprobs": true, "top_logprobs": 3 """));
        var tokens = answer["choices"]![0]!["logprobs"]!["content"]!.AsArray();

        Assert.Equal(5, tokens.Count);
        Assert.All(tokens, token =>
        {
            var top = token!["top_logprobs"]!.AsArray();
            Assert.Equal(3, top.Count);
            Assert.Equal((string?)token["token"], (string?)top[0]!["token"]); // greedy
            Assert.True((double)token["logprob"]! <= 0);
            Assert.True((double)top[0]!["logprob"]! >= (double)top[2]!["logprob"]!);
        });
        Assert.Equal(
            (string?)answer["choices"]![0]!["message"]!["content"],
            string.Concat(tokens.Select(token => (string?)token!["token"])).Trim());
    }

    [Fact]
    public async Task StopString_EndsTheAnswerBeforeIt()
    {
        var whole = Texts(
            await _server.Post(Path, Body(NanoModel.Base, """ "max_tokens": 24, "temperature": 0 """)))[0];
        var stop = whole[(whole.Length / 2)..][..3];
        var answer = await _server.Post(
            Path,
            Body(
                NanoModel.Base,
                $$""" "max_tokens": 24, "temperature": 0, "stop": [{{JsonValue.Create(stop).ToJsonString()}}] """));

        Assert.Equal(whole[..whole.IndexOf(stop, StringComparison.Ordinal)].Trim(), Texts(answer)[0]);
        Assert.Equal("stop", (string?)answer["choices"]![0]!["finish_reason"]);
    }

    [Fact]
    public async Task LogitBias_ForbidsAndForcesTokens()
    {
        var token = nano.Host.Tokenize("river", addSpecialTokens: false)[^1];
        var answer = await _server.Post(
            Path,
            Body(
                NanoModel.Base,
                $$""" "max_tokens": 3, "temperature": 0, "logit_bias": {"{{token}}": 100}, "logprobs": true """));
        Assert.Single(
            answer["choices"]![0]!["logprobs"]!["content"]!.AsArray().Select(
                found => (string?)found!["token"]).Distinct());
    }

    [Fact]
    public async Task IgnoreEnd_GoesOnToTheLimit()
    {
        var answer = await _server.Post(
            Path, Body(NanoModel.Base, """ "max_tokens": 40, "temperature": 0, "ignore_eos": true """));
        Assert.Equal(40, (int)answer["usage"]!["completion_tokens"]!);
        Assert.Equal("length", (string?)answer["choices"]![0]!["finish_reason"]);
    }

    [Fact]
    public async Task ContentInParts_AndDevelopers_AreRead()
    {
        var plain = """[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello Who?"}]""";
        var parts = """
            [{"role": "developer", "content": "Be brief."},
             {"role": "user", "content": [{"type": "text", "text": "Hello "}, {"type": "text", "text": "Who?"}]}]
            """;
        var first = await _server.Post(Path, $$"""{"messages": {{plain}}, "max_tokens": 8, "temperature": 0}""");
        var second = await _server.Post(Path, $$"""{"messages": {{parts}}, "max_tokens": 8, "temperature": 0}""");
        Assert.Equal(Texts(first), Texts(second));
        Assert.Equal((int)first["usage"]!["prompt_tokens"]!, (int)second["usage"]!["prompt_tokens"]!);
    }

    [Fact]
    public async Task TemplateVariables_ReachTheTemplate()
    {
        async Task<int> Read(string more) =>
            (int)(
                await _server.Post(
                    Path, Body(NanoModel.Base, $""" "max_tokens": 1{more} """)))["usage"]!["prompt_tokens"]!;

        Assert.True(await Read(""", "chat_template_kwargs": {"enable_thinking": true} """) > await Read(""));
        var error = await _server.Refusal(Path, Body(NanoModel.Base, """ "chat_template_kwargs": 5 """));
        Assert.Equal("chat_template_kwargs", (string?)error["param"]);
    }

    [Fact]
    public async Task ContextThatIsTooLong_IsRefusedByItsCode()
    {
        var prompt = string.Join(' ', Enumerable.Repeat("river", 400));
        var error = await _server.Refusal(Path, $$"""{"messages": [{"role": "user", "content": "{{prompt}}"}]}""");
        Assert.Equal("context_length_exceeded", (string?)error["code"]);
        error = await _server.Refusal(
            Path, """{"messages": [{"role": "user", "content": "Who?"}], "max_tokens": 5000}""");
        Assert.Equal("context_length_exceeded", (string?)error["code"]);
    }

    [Fact]
    public async Task UnknownModel_IsNotFound()
    {
        var error = await _server.Refusal(Path, Body("nobody", """ "max_tokens": 1 """), HttpStatusCode.NotFound);
        Assert.Equal(("model_not_found", "model"), ((string?)error["code"], (string?)error["param"]));
        Assert.Contains($"'{NanoModel.Adapter}'", (string?)error["message"], StringComparison.Ordinal);
    }

    private static List<string> Texts(JsonNode answer) =>
        [.. answer["choices"]!.AsArray().Select(choice => (string)choice!["message"]!["content"]!)];

    private static string Body(string model, string more) =>
        $$"""{"model": "{{model}}", "messages": [{"role": "user", "content": "What is the atomic number of terbium?"}], {{more}}}""";

    private async Task<string> AskHost(string model, int tokens)
    {
        var text = "";
        var request = new ChatRequest
        {
            Model = model,
            Messages = [new ChatMessage("user", "What is the atomic number of terbium?")],
            Generation = new() { MaxNewTokens = tokens },
        };
        await foreach (var piece in nano.Host.Chat(request, TestContext.Current.CancellationToken))
            text += piece.Text;
        return text;
    }
}
