using System.Text.Json.Nodes;

namespace Lorikeet.Server.Tests;

/// <summary>
/// What a model thinks is told apart from what it answers, in the words of DeepSeek, vLLM and OpenAI.
/// </summary>
public sealed class ThoughtTests(NanoModel nano) : IAsyncLifetime
{
    private const string Chat = "/v1/chat/completions";
    private const string Thinking = """
        "model": "nano", "messages": [{"role": "user", "content": "Who?"}], "max_tokens": 8, "temperature": 0, "ignore_eos": true,
        "chat_template_kwargs": {"thinks_aloud": true}
        """;

    private TestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await TestServer.Start(nano.Host);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task AThought_IsReasoningContent_WholeAndStreamed()
    {
        var message = (await _server.Post(Chat, $"{{ {Thinking} }}"))["choices"]![0]!["message"]!;
        var deltas = (await _server.Chunks(Chat, $$"""{ {{Thinking}}, "stream": true }"""))
            .Select(chunk => chunk["choices"]![0]!["delta"]!).ToList();

        Assert.Equal("", (string?)message["content"]);
        var thought = (string)message["reasoning_content"]!;
        Assert.NotEmpty(thought);
        Assert.Equal(thought, string.Concat(deltas.Select(delta => (string?)delta["reasoning_content"])));
        Assert.Equal("", string.Concat(deltas.Select(delta => (string?)delta["content"])));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AThoughtAndAnAnswer_AreToldApart(bool thinksAloud)
    {
        // The form makes a model that never learned to think write both.
        var body = $$"""
            {"model": "nano", "messages": [{"role": "user", "content": "Who?"}], "max_tokens": 60,
             "guided_regex": "<think>\\nI mean it\\n</think>\\n\\nZinc", "chat_template_kwargs": {"thinks_aloud": {{(thinksAloud ? "true" : "false")}} } }
            """;
        var message = (await _server.Post(Chat, body))["choices"]![0]!["message"]!;
        Assert.Equal(("I mean it", "Zinc"), ((string?)message["reasoning_content"], (string?)message["content"]));
    }

    [Fact]
    public async Task AResponse_HasAThoughtAsAnItem_WhoseEventsComeInOrder()
    {
        const string body = """
            {"model": "nano", "input": "Who?", "max_output_tokens": 60, "stream": true,
             "guided_regex": "<think>\\nI mean it\\n</think>\\n\\nZinc"}
            """;
        var events = (await _server.Stream("/v1/responses", body)).Select(one => JsonNode.Parse(one.Data)!).ToList();
        Assert.Equal(
            ["response.created", "response.in_progress", "response.output_item.added", "response.reasoning_text.delta",
             "response.reasoning_text.done", "response.output_item.done", "response.output_item.added",
             "response.content_part.added", "response.output_text.delta", "response.output_text.done",
             "response.content_part.done", "response.output_item.done", "response.completed"],
            events.Select(one => (string?)one["type"])
                .Where((type, i) => i == 0 || type != (string?)events[i - 1]["type"]));
        Assert.Equal(Enumerable.Range(0, events.Count), events.Select(one => (int)one["sequence_number"]!));
        var output = events[^1]["response"]!["output"]!;
        Assert.Equal("I mean it", (string?)output[0]!["content"]![0]!["text"]);
        Assert.Equal(("reasoning", "message"), ((string?)output[0]!["type"], (string?)output[1]!["type"]));
        Assert.Equal("Zinc", (string?)output[1]!["content"]![0]!["text"]);

        // Its thoughts are read again where a client sends all items back.
        var again = await _server.Post("/v1/responses", $$"""
            {"model": "nano", "input": [{"role": "user", "content": "Who?"}, {{output[0]!.ToJsonString()}}, {{output[1]!.ToJsonString()}},
             {"role": "user", "content": "Why?"}], "max_output_tokens": 1}
            """);
        var without = await _server.Post("/v1/responses", $$"""
            {"model": "nano", "input": [{"role": "user", "content": "Who?"}, {{output[1]!.ToJsonString()}},
             {"role": "user", "content": "Why?"}], "max_output_tokens": 1}
            """);
        Assert.True((int)again["usage"]!["input_tokens"]! > (int)without["usage"]!["input_tokens"]! + 3);
    }

    [Fact]
    public async Task AThoughtThatIsNotWanted_IsLeftOut()
    {
        var message = (await _server.Post(
            Chat, $$"""{ {{Thinking}}, "include_reasoning": false }"""))["choices"]![0]!["message"]!;
        Assert.Null(message["reasoning_content"]);
        Assert.Equal("", (string?)message["content"]);
    }

    [Fact]
    public async Task WhatMustBeOfAForm_IsNoThought()
    {
        var message = (await _server.Post(
            Chat, $$"""{ {{Thinking}}, "guided_regex": "[0-9]{3}" }"""))["choices"]![0]!["message"]!;
        Assert.Matches("^[0-9]{3}$", (string?)message["content"]);
        Assert.Null(message["reasoning_content"]);
    }

    [Fact]
    public async Task AThoughtThatIsSentBack_IsRead()
    {
        Assert.True(await Count(""", "reasoning_content": "It is one of two." """) > await Count("") + 4);

        async Task<int> Count(string more) => (int)(await _server.Post("/tokenize", $$"""
            {"model": "nano", "messages": [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "She."{{more}}},
             {"role": "user", "content": "Why?"}]}
            """))["count"]!;
    }

    [Theory]
    [InlineData("high", 1)]
    [InlineData("none", 0)]
    public async Task AnEffort_IsToldToATemplateThatKnowsThinking(string effort, int more)
    {
        const string question =
            """ "model": "nano", "messages": [{"role": "user", "content": "Who?"}], "max_tokens": 1 """;
        var plain = await Tokens("");
        var asked = await Tokens($$""", "reasoning_effort": "{{effort}}" """);
        Assert.Equal(more > 0, asked > plain);

        async Task<int> Tokens(string argument) =>
            (int)(await _server.Post(Chat, $"{{ {question} {argument} }}"))["usage"]!["prompt_tokens"]!;
    }
}
