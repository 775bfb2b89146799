using System.Text.Json.Nodes;

namespace Lorikeet.Server.Tests;

/// <summary>What a model thinks is told apart from what it answers, in the words of DeepSeek, vLLM and OpenAI.</summary>
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

    [Fact]
    public async Task AThoughtThatIsNotWanted_IsLeftOut()
    {
        var message = (await _server.Post(Chat, $$"""{ {{Thinking}}, "include_reasoning": false }"""))["choices"]![0]!["message"]!;
        Assert.Null(message["reasoning_content"]);
        Assert.Equal("", (string?)message["content"]);
    }

    [Fact]
    public async Task WhatMustBeOfAForm_IsNoThought()
    {
        var message = (await _server.Post(Chat, $$"""{ {{Thinking}}, "guided_regex": "[0-9]{3}" }"""))["choices"]![0]!["message"]!;
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
        const string question = """ "model": "nano", "messages": [{"role": "user", "content": "Who?"}], "max_tokens": 1 """;
        var plain = await Tokens("");
        var asked = await Tokens($$""", "reasoning_effort": "{{effort}}" """);
        Assert.Equal(more > 0, asked > plain);

        async Task<int> Tokens(string argument) =>
            (int)(await _server.Post(Chat, $"{{ {question} {argument} }}"))["usage"]!["prompt_tokens"]!;
    }
}
