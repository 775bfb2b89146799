using System.Net;
using System.Text.Json.Nodes;
using Lorikeet.Testing;

namespace Lorikeet.Server.Tests;

/// <summary>What clients of OpenAI's API and of vLLM send and look for besides answers.</summary>
public sealed class ForeignClientTests(NanoModel nano) : IAsyncLifetime
{
    private const string Chat = "/v1/chat/completions";
    private const string Question =
        """ "messages": [{"role": "user", "content": "Who?"}], "max_tokens": 2, "temperature": 0 """;

    private TestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await TestServer.Start(nano.Host);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task StrangeArguments_AreReadOver_AndNamedInAHeader()
    {
        const string strange = """
            "store": true, "metadata": {"a": "b"}, "user": "u", "prediction": {"type": "content", "content": "x"},
            "verbosity": "low", "modalities": ["text"], "skip_special_tokens": true, "include_stop_str_in_output": false,
            "use_beam_search": false, "truncate_prompt_tokens": null, "priority": 0, "cache_salt": "s", "ünknown": 1
            """;
        using var plain = await Post($"{{ {Question} }}");
        using var asked = await Post($"{{ {Question}, {strange} }}");

        Assert.Equal(await TextOf(plain), await TextOf(asked));
        Assert.False(plain.Headers.Contains("X-Ignored-Arguments"));
        var ignored = Assert.Single(asked.Headers.GetValues("X-Ignored-Arguments")).Split(", ");
        Assert.Equal(
            ["prediction", "verbosity", "modalities", "skip_special_tokens", "include_stop_str_in_output",
             "use_beam_search", "truncate_prompt_tokens", "priority", "cache_salt"], ignored);
    }

    [Fact]
    public async Task MessagesAsClientsSendThemBack_AreRead()
    {
        var answer = await _server.Post(Chat, """
            {"messages": [
              {"role": "developer", "content": [{"type": "text", "text": "Be "}, {"type": "text", "text": "brief."}], "name": null},
              {"role": "user", "content": "Who?"},
              {"role": "assistant", "content": "She.", "refusal": null, "annotations": [], "audio": null, "function_call": null,
               "tool_calls": null, "reasoning_content": null},
              {"role": "user", "content": "Why?"}],
             "max_completion_tokens": 2, "max_tokens": null, "stop": null, "logit_bias": null, "tools": null, "tool_choice": null,
             "response_format": {"type": "text"}, "seed": -5, "n": null, "stream": null, "stream_options": null, "top_p": 0,
             "parallel_tool_calls": null, "service_tier": "auto", "logprobs": null, "top_logprobs": null}
            """);
        Assert.Equal(2, (int)answer["usage"]!["completion_tokens"]!);
    }

    [Fact]
    public async Task EveryResponse_HasAnId_TheClientsOwnWhereItGivesOne()
    {
        using var named = await Send(HttpMethod.Get, "/v1/models", ("X-Request-Id", "abc-1"));
        using var strange = await Send(HttpMethod.Get, "/v1/models/nobody", ("X-Request-Id", "a b"));
        using var refused = await Send(HttpMethod.Get, "/nowhere");

        Assert.Equal("abc-1", IdOf(named));
        Assert.StartsWith("req_", IdOf(strange), StringComparison.Ordinal);
        Assert.StartsWith("req_", IdOf(refused), StringComparison.Ordinal);
        Assert.NotEqual(IdOf(strange), IdOf(refused));

        static string IdOf(HttpResponseMessage response) => Assert.Single(response.Headers.GetValues("X-Request-Id"));
    }

    [Theory]
    [InlineData("/health")]
    [InlineData("/v1/models")]
    [InlineData("/v1/models/nano")]
    public async Task Head_IsAnsweredAsGet_WithoutABody(string path)
    {
        using var response = await Send(HttpMethod.Head, path);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Empty(await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task OptionsWithoutAPage_AreRefusedWithWhatIsAllowed_AndNoOriginIs()
    {
        using var response = await Send(HttpMethod.Options, Chat);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, response.StatusCode);
        Assert.Equal(["POST"], response.Content.Headers.Allow);
        Assert.False(response.Headers.Contains("Access-Control-Allow-Origin"));
    }

    [Theory]
    [InlineData(Chat, """{"messages": [{"role": "user", "content": "%"}]}""", "messages")]
    [InlineData("/v1/completions", """{"prompt": "%"}""", "prompt")]
    [InlineData("/v1/responses", """{"input": "%"}""", "input")]
    public async Task APromptThatDoesNotFit_IsRefusedByItsArgument(string path, string body, string param)
    {
        var error = await _server.Refusal(
            path, body.Replace("%", string.Concat(Enumerable.Repeat("word ", 500)), StringComparison.Ordinal));
        Assert.Equal(("context_length_exceeded", param), ((string?)error["code"], (string?)error["param"]));
    }

    [Fact]
    public async Task StructuredOutputs_AreFormsAsTheGuidedOnesAre()
    {
        var answer = await _server.Post(
            Chat, $$"""{ {{Question}}, "max_tokens": 9, "structured_outputs": {"choice": ["red", "blue"]} }"""
                .Replace("\"max_tokens\": 2,", "", StringComparison.Ordinal));
        Assert.Matches("^(red|blue)$", (string?)answer["choices"]![0]!["message"]!["content"]);
    }

    [Fact]
    public async Task ChunksWithContinuousUsage_CountUpToThem()
    {
        var chunks = await _server.Chunks(Chat, $$"""
            { {{Question}}, "stream": true, "stream_options": {"include_usage": true, "continuous_usage_stats": true, "include_obfuscation": true} }
            """);
        var counts = chunks.Select(chunk => (int)chunk["usage"]!["completion_tokens"]!).ToList();
        Assert.Equal(counts.Order(), counts);
        Assert.Equal(2, counts[^1]);
        Assert.All(chunks, chunk => Assert.True((int)chunk["usage"]!["prompt_tokens"]! > 0));
    }

    [Fact]
    public async Task OneCallAtATime_EndsTheAnswerWithTheFirst()
    {
        // Made to write calls without end: what would be dropped is not decoded either.
        const string call = """\{"name": "look", "arguments": \{\}\}""";
        var body = $$"""
            {"model": "nano", "messages": [{"role": "user", "content": "Who?"}], "max_tokens": 200, "n": 2,
             "tools": [{"type": "function", "function": {"name": "look"} }],
             "guided_regex": {{JsonValue.Create($"({call}\n)" + "{4}").ToJsonString()}} %}
            """;
        var several = await _server.Post(Chat, body.Replace("%", "", StringComparison.Ordinal));
        var one = await _server.Post(
            Chat, body.Replace("%", ", \"parallel_tool_calls\": false", StringComparison.Ordinal));

        Assert.All(several["choices"]!.AsArray(), choice =>
            Assert.Equal(4, choice!["message"]!["tool_calls"]!.AsArray().Count));
        Assert.All(one["choices"]!.AsArray(), choice =>
        {
            Assert.Single(choice!["message"]!["tool_calls"]!.AsArray());
            Assert.Equal("tool_calls", (string?)choice["finish_reason"]);
        });
        Assert.True(Tokens(one) < Tokens(several) / 2, $"{Tokens(one)} of {Tokens(several)}");

        static int Tokens(JsonNode answer) => (int)answer["usage"]!["completion_tokens"]!;
    }

    [Fact]
    public async Task ErrorsOfTheLibrary_SayNothingOfFolders()
    {
        using var root = new TemporaryFolder();
        var damaged = Directory.CreateDirectory(root["broken"]).FullName;
        await File.WriteAllTextAsync(
            Path.Combine(damaged, "adapter_config.json"), "{", TestContext.Current.CancellationToken);
        await using var server = await TestServer.Start(nano.Host, new ServerOptions { AdapterRoot = root.Path });
        var error = await server.Refusal("/v1/adapters", """{"name": "broken", "source": "broken"}""");

        var message = (string)error["message"]!;
        Assert.DoesNotContain(root.Path, message, StringComparison.Ordinal);
        Assert.DoesNotContain(Path.GetDirectoryName(root.Path)!, message, StringComparison.Ordinal);
        Assert.Contains("adapter_config.json", message, StringComparison.Ordinal);
    }

    private async Task<HttpResponseMessage> Post(string body) =>
        await _server.Client.PostAsync(Chat, TestServer.Json(body), TestContext.Current.CancellationToken);

    private async Task<HttpResponseMessage> Send(
        HttpMethod method, string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, path);
        foreach (var (name, value) in headers)
            request.Headers.Add(name, value);
        return await _server.Client.SendAsync(request, TestContext.Current.CancellationToken);
    }

    private static async Task<string?> TextOf(HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        Assert.True(response.IsSuccessStatusCode, text);
        return (string?)JsonNode.Parse(text)!["choices"]![0]!["message"]!["content"];
    }
}
