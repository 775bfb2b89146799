using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Lorikeet.Serving;

namespace Lorikeet.Server.Tests;

/// <summary>
/// What is wrong is refused by the right status, and the error says which argument and what was expected.
/// </summary>
public sealed class RefusalTests(NanoModel nano) : IAsyncLifetime
{
    private const string Chat = "/v1/chat/completions";
    private const string Question = """ "messages": [{"role": "user", "content": "Who?"}], "max_tokens": 1 """;

    private TestServer _server = null!;

    public async ValueTask InitializeAsync() =>
        _server = await TestServer.Start(nano.Host, new ServerOptions { MaxBodyBytes = 64 << 10 });

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task ByteOrderMarks_AreRead_AndCompressedBodiesAreNamed()
    {
        await using var server = await TestServer.Start(nano.Host);
        Assert.NotNull((await server.Post("/tokenize", "\uFEFF{\"prompt\": \"Hi\"}"))["tokens"]);

        using var request = new HttpRequestMessage(HttpMethod.Post, "/tokenize");
        request.Content = new ByteArrayContent([0x1F, 0x8B, 8, 0]);
        request.Content.Headers.ContentType = new("application/json");
        request.Content.Headers.ContentEncoding.Add("gzip");
        using var response = await server.Client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.StatusCode);
        Assert.Contains(
            "Content-Encoding is 'gzip'",
            await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task AKeyThatStandsTwice_IsNamed()
    {
        await using var server = await TestServer.Start(nano.Host);
        var error = await server.Refusal("/tokenize", """{"prompt": "a", "prompt": "b"}""");
        Assert.Contains("prompt", (string)error["message"]!);
        Assert.DoesNotContain("line ,", (string)error["message"]!);
    }

    [Theory]
    [InlineData("", null, "is no JSON")]
    [InlineData("{", null, "is no JSON")]
    [InlineData("hello", null, "line 1, byte 1")]
    [InlineData("[]", null, "Expected a JSON object")]
    [InlineData("null", null, "Expected a JSON object")]
    [InlineData("""{"model": "a", "model": "b"}""", null, "is no JSON")]
    [InlineData("""{"messages": "hello"}""", "messages", "Expected an array")]
    [InlineData("""{"messages": []}""", "messages", "at least one message")]
    [InlineData("""{"max_tokens": 3}""", "messages", "'messages' is missing")]
    [InlineData("""{"messages": [7]}""", "messages[0]", "'messages[0]' is 7. Expected an object")]
    [InlineData("""{"messages": [null]}""", "messages[0]", "Expected a message")]
    [InlineData("""{"messages": [{"content": "Who?"}]}""", "messages[0].role", "'messages[0].role' is missing")]
    [InlineData("""{"messages": [{"role": "king", "content": "Who?"}]}""", "messages[0].role", "'king'")]
    [InlineData("""{"messages": [{"role": "user"}]}""", "messages[0].content", "is missing")]
    [InlineData("""{"messages": [{"role": "user", "content": 5}]}""", "messages[0].content", "is 5. Expected a text")]
    [InlineData(
        """{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}""",
        "messages[0].content", "only text can be read")]
    [InlineData("""{"messages": [{"role": "user", "content": "\ud800"}]}""", "messages[0].content", "half of one")]
    [InlineData("""{"\ud800": 1, %}""", null, "half of a character")]
    [InlineData("""{"metadata": {"a": ["\udfff"]}, %}""", "metadata.a[0]", "half of one")]
    [InlineData(
        """{"tools": [{"type": "function", "function": {"name": "a", "parameters": {"enum": ["\uD800"]}}}], %}""",
        "tools[0].function.parameters.enum[0]", "half of one")]
    [InlineData("""{"messages": [{"role": "tool", "content": "5"}]}""", "messages[0].tool_call_id", "is missing")]
    [InlineData(
        """{"messages": [{"role": "assistant", "tool_calls": [{"id": "a"}]}]}""",
        "messages[0].tool_calls[0].function.name", "is missing")]
    [InlineData("""{"temperature": "hot", %}""", "temperature", "'temperature' is the text \"hot\". Expected a number")]
    [InlineData("""{"temperature": -1, %}""", "temperature", "'temperature' is -1. Expected 0 or more")]
    [InlineData("""{"temperature": 1e999, %}""", "temperature", "Expected 0 or more")]
    [InlineData("""{"temperature": 1e-50, %}""", "temperature", "Expected 0 or more: 0, or from 1E-06 to 1000000")]
    [InlineData("""{"temperature": 1e300, %}""", "temperature", "to 1000000")]
    [InlineData("""{"repetition_penalty": 1e-50, %}""", "repetition_penalty", "from 1E-06")]
    [InlineData("""{"repetition_penalty": 1e300, %}""", "repetition_penalty", "to 1000000")]
    [InlineData("""{"guided_json": "{\"enum\": [\"\\ud800\"]}", %}""", "guided_json", "a JSON schema")]
    [InlineData("""{"guided_choice": [], %}""", "guided_choice", "at least one text")]
    [InlineData("""{"guided_choice": ["a", null], %}""", "guided_choice[1]", "is null. Expected a text")]
    [InlineData("""{"tools": [null], %}""", "tools[0].type", "is missing")]
    [InlineData("""{"top_p": 1.5, %}""", "top_p", "from 0 to 1")]
    [InlineData("""{"top_k": -2, %}""", "top_k", "'top_k' is -2")]
    [InlineData("""{"n": 0, %}""", "n", "from 1 to 128")]
    [InlineData("""{"n": 1.5, %}""", "n", "Expected a whole number")]
    [InlineData("""{"n": 9999999999, %}""", "n", "Expected a whole number")]
    [InlineData("""{"max_completion_tokens": 0, %}""", "max_completion_tokens", "1 or more")]
    [InlineData("""{"presence_penalty": 3, %}""", "presence_penalty", "from -2 to 2")]
    [InlineData("""{"frequency_penalty": -3, %}""", "frequency_penalty", "from -2 to 2")]
    [InlineData("""{"repetition_penalty": 0, %}""", "repetition_penalty", "above 0")]
    [InlineData("""{"stop": 5, %}""", "stop", "a text or an array of texts")]
    [InlineData("""{"stop": ["a", 5], %}""", "stop", "a text or an array of texts")]
    [InlineData("""{"stop": "", %}""", "stop", "one character or more")]
    [InlineData("""{"logit_bias": {"a": 1}, %}""", "logit_bias", "token ids as keys")]
    [InlineData("""{"logit_bias": {"5": 101}, %}""", "logit_bias.5", "from -100 to 100")]
    [InlineData("""{"logit_bias": {"5": "x"}, %}""", "logit_bias.5", "Expected a number")]
    [InlineData("""{"logit_bias": {"99999": 1}, %}""", null, "logit_bias names token 99999")]
    [InlineData("""{"stop_token_ids": [-1], "min_tokens": 1, %}""", null, "eos_token_id (stop_token_ids)")]
    [InlineData("""{"stop_token_ids": [99999], %}""", null, "eos_token_id (stop_token_ids) names token 99999")]
    [InlineData("""{"top_logprobs": 3, %}""", "top_logprobs", "Expected both or neither")]
    [InlineData("""{"logprobs": true, "top_logprobs": 21, %}""", "top_logprobs", "from 0 to 20")]
    [InlineData("""{"stream": "yes", %}""", "stream", "Expected true or false")]
    [InlineData("""{"stream_options": {"include_usage": true}, %}""", "stream_options", "Expected both or neither")]
    [InlineData("""{"tools": [{"type": "web_search"}], %}""", "tools[0].type", "'web_search'")]
    [InlineData("""{"tools": [{"type": "function", "function": {}}], %}""", "tools[0].function.name", "is missing")]
    [InlineData(
        """{"tools": [{"type": "function", "function": {"name": "a", "parameters": 5}}], %}""",
        "tools[0].function.parameters", "a JSON schema")]
    [InlineData("""{"tool_choice": "maybe", %}""", "tool_choice", "Expected \"auto\"")]
    [InlineData("""{"tool_choice": "required", %}""", "tools", "is missing")]
    [InlineData(
        """{"tool_choice": {"type": "function", "function": {"name": "a"}}, %}""", "tool_choice", "one of 'tools'")]
    [InlineData(
        """{"response_format": {"type": "xml"}, %}""", "response_format.type", "text, json_object or json_schema")]
    [InlineData(
        """{"response_format": {"type": "json_schema"}, %}""", "response_format.json_schema.schema", "is missing")]
    [InlineData(
        """{"response_format": {"type": "json_schema", "json_schema": {"schema": 5}}, %}""",
        "response_format.json_schema.schema", "is 5")]
    [InlineData(
        """{"response_format": {"type": "json_object"}, "guided_regex": "a+", %}""", "guided_regex",
        "Expected one form")]
    [InlineData("""{"add_generation_prompt": false, %}""", "add_generation_prompt", "Expected true")]
    [InlineData("""{"temprature": 1, %}""", "temprature", "Did you mean 'temperature'?")]
    [InlineData("""{"functions": [{"name": "a"}], %}""", "functions", "'tools' took their place")]
    [InlineData("""{"modalities": ["text", "audio"], %}""", "modalities", "[\"text\"]")]
    [InlineData("""{"use_beam_search": true, %}""", "use_beam_search", "is true. Expected false")]
    [InlineData("""{"skip_special_tokens": false, %}""", "skip_special_tokens", "Expected true")]
    [InlineData("""{"reasoning_effort": "huge", %}""", "reasoning_effort", "none, minimal, low")]
    [InlineData(
        """{"structured_outputs": {"grammar": "root ::= a"}, %}""", "structured_outputs.grammar", "'regex' and 'json'")]
    [InlineData("""{"structured_outputs": {"choice": []}, %}""", "structured_outputs.choice", "at least one text")]
    [InlineData(
        """{"structured_outputs": {"json_object": true}, "guided_regex": "a", %}""", "structured_outputs.json_object",
        "Expected one form")]
    public async Task MalformedChat_IsRefusedWithTheArgument(string body, string? param, string says)
    {
        var error = await _server.Refusal(Chat, body.Replace("%", Question, StringComparison.Ordinal));

        Assert.Equal(param, (string?)error["param"]);
        Assert.Contains(says, (string?)error["message"], StringComparison.Ordinal);
        Assert.Equal("invalid_request_error", (string?)error["type"]);
    }

    [Theory]
    [InlineData("/v1/completions", """{}""", "prompt", "is missing")]
    [InlineData("/v1/completions", """{"prompt": 5}""", "prompt", "Expected a text, an array of token ids")]
    [InlineData("/v1/completions", """{"prompt": []}""", null, "no tokens")]
    [InlineData("/v1/completions", """{"prompt": [-1]}""", "prompt", "Expected a text")]
    [InlineData("/v1/completions", """{"prompt": [99999]}""", null, "99999")]
    [InlineData("/v1/completions", """{"prompt": "a", "suffix": "b"}""", "suffix", "fill no gaps")]
    [InlineData("/v1/completions", """{"prompt": "a", "best_of": 2}""", "best_of", "the same as 'n'")]
    [InlineData("/v1/completions", """{"prompt": "a", "logprobs": true}""", "logprobs", "Expected a whole number")]
    [InlineData("/v1/responses", """{}""", "input", "is missing")]
    [InlineData("/v1/responses", """{"input": 5}""", "input", "a text or an array of items")]
    [InlineData("/v1/responses", """{"input": [{"type": "item_reference"}]}""", "input[0].type", "'item_reference'")]
    [InlineData(
        "/v1/responses", """{"input": "a", "reasoning": {"effort": "huge"}}""", "reasoning.effort",
        "none, minimal, low")]
    [InlineData(
        "/v1/responses", """{"input": [{"type": "function_call", "name": "a"}]}""", "input[0].call_id", "is missing")]
    [InlineData("/v1/responses", """{"input": "a", "truncation": "auto"}""", "truncation", "'disabled'")]
    [InlineData("/v1/responses", """{"input": "a", "background": true}""", "background", "Expected false")]
    [InlineData(
        "/v1/responses", """{"input": "a", "include": ["file_search_call.results"]}""", "include",
        "message.output_text.logprobs")]
    [InlineData("/v1/responses", """{"input": "a", "include": [null]}""", "include", "is 'null'")]
    [InlineData("/v1/responses", """{"input": "a", "guided_choice": [null]}""", "guided_choice[0]", "Expected a text")]
    [InlineData(
        "/v1/responses", """{"input": "a", "text": {"format": {"type": "json_schema"}}}""", "text.format.schema",
        "is missing")]
    [InlineData("/tokenize", """{}""", "prompt", "is missing")]
    [InlineData("/tokenize", """{"prompt": "a", "messages": []}""", "messages", "Expected one of them")]
    [InlineData("/detokenize", """{"tokens": [5, 99999]}""", "tokens[1]", "is 99999")]
    public async Task Malformed_IsRefusedWithTheArgument(string path, string body, string? param, string says)
    {
        var error = await _server.Refusal(path, body);

        Assert.Equal(param, (string?)error["param"]);
        Assert.Contains(says, (string?)error["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task MoreAnswersThanCanEverBeHeld_AreRefusedForGood()
    {
        using var model = nano.Load();
        await using var host = ModelHost.Start(model, NanoModel.Small with { MaxSequences = 2, MaxQueue = 1 });
        await using var server = await TestServer.Start(host);
        await server.Post("/v1/completions", """{"prompt": "a", "n": 3, "max_tokens": 1}""");
        await Refused("/v1/completions", """{"prompt": "a", "n": 4}""", "n");
        await Refused("/v1/completions", """{"prompt": ["a", "b"], "n": 2}""", "prompt");
        await Refused(Chat, $$"""{"n": 4, {{Question}}}""", "n");

        async Task Refused(string path, string body, string param)
        {
            var error = await server.Refusal(path, body);
            Assert.Equal(param, (string?)error["param"]);
            Assert.Contains("max_num_seqs + max_queue", (string?)error["message"], StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task DeepNesting_IsRefused()
    {
        var deep = string.Concat(Enumerable.Repeat("[", 500)) + string.Concat(Enumerable.Repeat("]", 500));
        var error = await _server.Refusal(Chat, $$"""{"metadata": {{deep}}, {{Question}}}""");
        Assert.Contains("is no JSON", (string?)error["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task InvalidUtf8_IsRefused()
    {
        byte[] body = [.. "{\"messages\": [{\"role\": \"user\", \"content\": \""u8, 0xC3, 0x28, .. "\"}]}"u8];
        using var content = new ByteArrayContent(body)
        {
            Headers = { ContentType = new MediaTypeHeaderValue("application/json") },
        };
        using var response = await _server.Client.PostAsync(Chat, content, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }

    [Fact]
    public async Task LargeBody_IsRefused()
    {
        var error = await _server.Refusal(
            Chat, $$"""{"user": "{{new string('a', 80 << 10)}}"}""", HttpStatusCode.RequestEntityTooLarge);
        Assert.Contains("max_body_bytes", (string?)error["message"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnotherContentType_IsRefused()
    {
        using var content = new StringContent($$"""{ {{Question}} }""", Encoding.UTF8, "text/plain");
        using var response = await _server.Client.PostAsync(Chat, content, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.StatusCode);
    }

    [Theory]
    [InlineData("POST", "/v1/embeddings", HttpStatusCode.NotFound, "embeddings")]
    [InlineData("GET", "/", HttpStatusCode.NotFound, "/v1/models")]
    [InlineData("GET", "/v1/chat/completions", HttpStatusCode.MethodNotAllowed, "GET is not offered")]
    public async Task WhatIsNotOffered_IsRefusedInTheFormOfTheProtocol(
        string method, string path, HttpStatusCode status, string says)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        using var response = await _server.Client.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(status, response.StatusCode);
        Assert.Equal(status == HttpStatusCode.MethodNotAllowed ? ["POST"] : [], response.Content.Headers.Allow);
        var error = JsonNode.Parse(
            await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!["error"]!;
        Assert.Contains(says, (string?)error["message"], StringComparison.Ordinal);
    }
}
