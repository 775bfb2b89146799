using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Lorikeet.Server.Tests;

/// <summary>
/// Answers that must have a form, and calls of tools. The weights are no help here: the form alone is.
/// </summary>
public sealed class ToolAndFormTests(NanoModel nano) : IAsyncLifetime
{
    private const string Chat = "/v1/chat/completions";

    private const string Schema =
        """{"type": "object", "properties": {"city": {"enum": ["Huế", "Hà Nội"]}, "days": {"type": "boolean"}}, "required": ["city", "days"], "additionalProperties": false}""";

    private const string Tool =
        $$$"""{"type": "function", "function": {"name": "forecast", "description": "The weather.", "parameters": {{{Schema}}} } }""";

    private TestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await TestServer.Start(nano.Host);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData(
        "\"response_format\": {\"type\": \"json_schema\", \"json_schema\": {\"name\": \"a\", \"strict\": true, " +
        "\"schema\": SCHEMA}}")]
    [InlineData("\"guided_json\": SCHEMA")]
    public async Task Answer_FollowsItsSchema(string form)
    {
        var answer = await _server.Post(Chat, Body(form.Replace("SCHEMA", Schema, StringComparison.Ordinal)));
        AssertFollows((string?)answer["choices"]![0]!["message"]!["content"]);
        Assert.Equal("stop", (string?)answer["choices"]![0]!["finish_reason"]);
    }

    [Fact]
    public async Task Continuation_FollowsItsForm()
    {
        var answer = await _server.Post(
            "/v1/completions",
            """{"model": "nano", "prompt": "Date:", "guided_regex": "\\d{4}-[01]\\d", "max_tokens": 40, "temperature": 1}""");
        Assert.Matches(@"^\d{4}-[01]\d$", (string?)answer["choices"]![0]!["text"]);
        answer = await _server.Post(
            "/v1/completions",
            """{"model": "nano", "prompt": "Answer:", "guided_choice": ["a.b", "c|d"], "max_tokens": 40, "temperature": 1}""");
        Assert.Contains((string?)answer["choices"]![0]!["text"], (string[])["a.b", "c|d"]);
    }

    [Fact]
    public async Task Response_FollowsItsSchema()
    {
        var response = await _server.Post(
            "/v1/responses",
            $$$"""{"model": "nano", "input": "Where?", "max_output_tokens": 60, "text": {"format": {"type": "json_schema", "name": "a", "schema": {{{Schema}}} } } }""");
        AssertFollows((string?)response["output"]![0]!["content"]![0]!["text"]);
        Assert.Equal("completed", (string?)response["status"]);
    }

    [Theory]
    [InlineData("\"required\"")]
    [InlineData("{\"type\": \"function\", \"function\": {\"name\": \"forecast\"}}")]
    public async Task ToolThatMustBeCalled_IsCalled(string choice)
    {
        var more = $"\"tools\": [{Tool}], \"tool_choice\": {choice}";
        var answer = (await _server.Post(Chat, Body(more)))["choices"]![0]!;
        var call = Assert.Single(answer["message"]!["tool_calls"]!.AsArray())!;
        Assert.Null(answer["message"]!["content"]);
        Assert.Equal("tool_calls", (string?)answer["finish_reason"]);
        Assert.Equal(("function", "forecast"), ((string?)call["type"], (string?)call["function"]!["name"]));
        AssertFollows((string?)call["function"]!["arguments"]);

        var parts = (await _server.Chunks(Chat, Body(more + ", \"stream\": true")))
            .Select(chunk => chunk["choices"]![0]!).ToList();
        var calls = parts.SelectMany(part => part["delta"]!["tool_calls"]?.AsArray() ?? []).ToList();
        Assert.All(calls, part => Assert.Equal(0, (int)part!["index"]!));
        Assert.Single(calls, part => part!["id"] is not null);
        Assert.Equal("forecast", (string?)calls[0]!["function"]!["name"]);
        AssertFollows(string.Concat(calls.Select(part => (string?)part!["function"]!["arguments"])));
        Assert.Equal("tool_calls", (string?)parts[^1]["finish_reason"]);

        var next = await _server.Post(
            Chat,
            $$$"""
            {"model": "nano", "max_tokens": 4, "ignore_eos": true, "tools": [{{{Tool}}}], "messages": [{"role": "user", "content": "Weather?"},
              {"role": "assistant", "content": null, "tool_calls": [{{{call.ToJsonString()}}}]},
              {"role": "tool", "tool_call_id": "{{{(string?)call["id"]}}}", "content": "rain"}]}
            """);
        Assert.Equal(4, (int)next["usage"]!["completion_tokens"]!);
    }

    [Fact]
    public async Task ResponseThatMustCall_SaysSoInOpenAisOrder()
    {
        var flat = $$$"""{"type": "function", "name": "forecast", "parameters": {{{Schema}}}, "strict": true }""";
        var events = await _server.Stream(
            "/v1/responses",
            $$"""{"model": "nano", "input": "Weather?", "tools": [{{flat}}], "tool_choice": "required", "stream": true}""");
        var data = events.Select(one => JsonNode.Parse(one.Data)!).ToList();

        Assert.Equal(
            ["response.created", "response.in_progress", "response.output_item.added",
                "response.function_call_arguments.delta",
                "response.function_call_arguments.done", "response.output_item.done", "response.completed"],
            data.Select(one => (string?)one["type"]));
        var response = data[^1]["response"]!;
        var call = Assert.Single(response["output"]!.AsArray())!;
        Assert.Equal(("function_call", "forecast"), ((string?)call["type"], (string?)call["name"]));
        AssertFollows((string?)call["arguments"]);

        var next = await _server.Post(
            "/v1/responses",
            $$"""
            {"model": "nano", "previous_response_id": "{{(string?)response["id"]}}", "max_output_tokens": 4, "ignore_eos": true,
             "input": [{"type": "function_call_output", "call_id": "{{(string?)call["call_id"]}}", "output": "rain"}]}
            """);
        Assert.Equal(4, (int)next["usage"]!["output_tokens"]!);
    }

    [Fact]
    public async Task SchemaThatCannotBeRead_IsRefused()
    {
        var error = await _server.Refusal(Chat, Body("\"guided_regex\": \"a(\""));
        Assert.Equal("invalid_request_error", (string?)error["type"]);
    }

    private static void AssertFollows(string? text)
    {
        var json = JsonNode.Parse(text!)!.AsObject();
        Assert.Equal(["city", "days"], json.Select(pair => pair.Key).Order(StringComparer.Ordinal));
        Assert.Contains((string?)json["city"], (string[])["Huế", "Hà Nội"]);
        Assert.Matches(new Regex("true|false"), json["days"]!.ToJsonString());
    }

    private static string Body(string more) =>
        $$"""{"model": "nano", "messages": [{"role": "user", "content": "Weather?"}], "max_tokens": 120, "temperature": 1, "seed": 3, {{more}}}""";
}
