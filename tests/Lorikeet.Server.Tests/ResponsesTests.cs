using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Data;
using Lorikeet.Server.Endpoints;
using Lorikeet.Server.Protocol;

namespace Lorikeet.Server.Tests;

public sealed class ResponsesTests(NanoModel nano) : IAsyncLifetime
{
    private const string Path = "/v1/responses";

    private TestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await TestServer.Start(nano.Host);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Answer_IsThatOfTheChat()
    {
        var chat = await _server.Post(
            "/v1/chat/completions",
            """{"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Who?"}], "max_tokens": 10, "temperature": 0}""");
        var response = await _server.Post(
            Path, """{"instructions": "Be brief.", "input": "Who?", "max_output_tokens": 10, "temperature": 0}""");

        Assert.Equal("response", (string?)response["object"]);
        Assert.Equal("incomplete", (string?)response["status"]);
        Assert.Equal("max_output_tokens", (string?)response["incomplete_details"]!["reason"]);
        Assert.Equal((string?)chat["choices"]![0]!["message"]!["content"], TextOf(response));
        Assert.Equal((int)chat["usage"]!["prompt_tokens"]!, (int)response["usage"]!["input_tokens"]!);
        Assert.Equal(10, (int)response["usage"]!["output_tokens"]!);
    }

    [Fact]
    public async Task Stream_SaysWhatHappensInOpenAisOrder()
    {
        var events = await _server.Stream(
            Path, """{"input": "Who?", "max_output_tokens": 8, "temperature": 0, "stream": true}""");
        var data = events.Select(one => JsonNode.Parse(one.Data)!).ToList();
        var types = data.Select(one => (string)one["type"]!).ToList();

        Assert.Equal(types, events.Select(one => one.Name));
        Assert.Equal(Enumerable.Range(0, data.Count), data.Select(one => (int)one["sequence_number"]!));
        Assert.Equal(
            ["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
                "response.output_text.delta", "response.output_text.done", "response.content_part.done",
                "response.output_item.done", "response.incomplete"],
            types.Distinct());
        var text = string.Concat(
            data.Where(one => (string?)one["type"] == "response.output_text.delta")
                .Select(one => (string?)one["delta"]));
        Assert.Equal(text, TextOf(data[^1]["response"]!));
        Assert.Equal(text, (string?)data.Single(one => (string?)one["type"] == "response.output_text.done")["text"]);
        Assert.Single(data.Select(one => (string?)one["item_id"]).Where(id => id is not null).Distinct());
    }

    [Fact]
    public async Task Conversation_GoesOnFromAResponseThatIsKept()
    {
        var first = await _server.Post(Path, """{"input": "Who?", "max_output_tokens": 6, "temperature": 0}""");
        var id = (string)first["id"]!;
        var next = await _server.Post(
            Path,
            $$"""{"previous_response_id": "{{id}}", "input": "Where?", "max_output_tokens": 6, "temperature": 0}""");
        var whole = await _server.Post(
            Path,
            $$"""
            {"input": [{"role": "user", "content": "Who?"},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": {{JsonValue.Create(TextOf(first))!.ToJsonString()}}, "annotations": []}]},
                {"role": "user", "content": [{"type": "input_text", "text": "Where?"}]}],
             "max_output_tokens": 6, "temperature": 0}
            """);

        Assert.Equal(TextOf(whole), TextOf(next));
        Assert.Equal((int)whole["usage"]!["input_tokens"]!, (int)next["usage"]!["input_tokens"]!);
        Assert.Equal(TextOf(first), TextOf(await _server.Get($"{Path}/{id}")));

        using var deleted = await _server.Client.DeleteAsync($"{Path}/{id}", TestContext.Current.CancellationToken);
        Assert.True(deleted.IsSuccessStatusCode);
        await _server.Get($"{Path}/{id}", HttpStatusCode.NotFound);
        var error = await _server.Refusal(
            Path, $$"""{"previous_response_id": "{{id}}", "input": "a"}""", HttpStatusCode.NotFound);
        Assert.Equal("previous_response_id", (string?)error["param"]);
    }

    [Fact]
    public async Task StreamedResponse_IsKeptBeforeItsEndIsSaid()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, Path)
        {
            Content = TestServer.Json(
                """{"input": "Who?", "max_output_tokens": 4, "temperature": 0, "stream": true}"""),
        };
        using var response = await _server.Client.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        using var lines = new StreamReader(
            await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        JsonNode? end = null;
        while (end is null && await lines.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            if (line.StartsWith("data: {\"type\":\"response.incomplete\"", StringComparison.Ordinal))
                end = JsonNode.Parse(line["data: ".Length..]);
        }

        await _server.Post(
            Path,
            $$"""{"previous_response_id": "{{(string)end!["response"]!["id"]!}}", "input": "Where?", "max_output_tokens": 1}""");
    }

    [Fact]
    public async Task StreamThatFails_EndsWithAnErrorEvent()
    {
        await using var server = await TestServer.Start(nano.Host, new ServerOptions { DrainTimeout = 0 });
        using var request = new HttpRequestMessage(HttpMethod.Post, Path)
        {
            Content = TestServer.Json(
                """{"input": "Who?", "max_output_tokens": 300, "ignore_eos": true, "stream": true}"""),
        };
        using var underWay = await server.Client.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        Assert.False(await server.Server.Stop());
        var events = TestServer.Events(await underWay.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));

        var (name, data) = events[^1];
        var error = JsonNode.Parse(data)!.AsObject();
        Assert.Equal("error", name);
        Assert.Equal(["type", "code", "message", "param", "sequence_number"], error.Select(pair => pair.Key));
        Assert.Equal(("error", "server_error"), ((string?)error["type"], (string?)error["code"]));
        Assert.Contains("The server stopped", (string?)error["message"], StringComparison.Ordinal);
        Assert.Equal(events.Count - 1, (int)error["sequence_number"]!);
    }

    [Fact]
    public async Task ResponseThatIsNotStored_IsNotKept()
    {
        var response = await _server.Post(Path, """{"input": "Who?", "max_output_tokens": 2, "store": false}""");
        await _server.Get($"{Path}/{(string)response["id"]!}", HttpStatusCode.NotFound);
    }

    [Fact]
    public void Calls_AreOneTurnWithWhatIsSaidBeforeThem()
    {
        var turns = InputItems.Of(
        [
            new InputItem { Role = "user", Content = "Weather?" },
            new InputItem { Role = "assistant", Content = "I look." },
            new InputItem { Type = "function_call", CallId = "a", Name = "look", Arguments = "{}" },
            new InputItem { Type = "function_call", CallId = "b", Name = "look", Arguments = "{\"x\":1}" },
            new InputItem { Type = "function_call_output", CallId = "a", Output = "rain" },
        ]);

        Assert.Equal(["user", "assistant", "tool"], turns.Select(turn => turn.Role));
        Assert.Equal(["a", "b"], turns[1].ToolCalls!.Select(call => call.Id));
        Assert.Equal("a", turns[2].ToolCallId);
    }

    [Fact]
    public void Store_ForgetsTheOldest_AndTellsOwnersApart()
    {
        var store = new ResponseStore(mostResponses: 2);
        foreach (var id in (string[])["a", "b", "c"])
            store.Add(1, Kept(id, "text"));

        Assert.Null(store.Find(1, "a"));
        Assert.NotNull(store.Find(1, "b"));
        Assert.Null(store.Find(2, "b"));
        Assert.False(store.Remove(2, "b"));

        var small = new ResponseStore(mostBytes: 4000);
        small.Add(1, Kept("a", new string('x', 1200)));
        small.Add(1, Kept("b", new string('x', 1200)));
        Assert.Null(small.Find(1, "a"));
        Assert.NotNull(small.Find(1, "b"));
        small.Add(1, Kept("c", new string('x', 6000)));
        Assert.Null(small.Find(1, "c"));
    }

    [Fact]
    public void Store_CountsAllThatItKeeps()
    {
        var plain = Kept("a", "text");
        var labels = JsonElement.Parse($$"""{"a": "{{new string('x', 500)}}"}""");
        var probabilities = Enumerable.Repeat(new ChatTokenProbability("a", -1, [], []), 100).ToList();

        Assert.True(
            new KeptResponse(plain.Response with { Metadata = labels }, plain.Conversation).Size > plain.Size + 400);
        Assert.True(
            new KeptResponse(plain.Response with { Instructions = new string('x', 500) }, plain.Conversation)
                .Size >= plain.Size + 490);
        var item = new OutputItem
        {
            Type = "message",
            Id = "m",
            Status = "completed",
            Content = [OutputPart.Of("", probabilities)],
        };
        Assert.True(
            new KeptResponse(plain.Response with { Output = [item] }, plain.Conversation).Size > plain.Size + 1000);
    }

    [Fact]
    public async Task Metadata_IsKept_WhereItIsWithinItsBounds()
    {
        var most = string.Join(
            ", ", Enumerable.Range(0, 16).Select(i => $"\"{new string('k', 62)}{i:00}\": \"{new string('v', 512)}\""));
        var response = await _server.Post(
            Path, $$"""{"input": "a", "max_output_tokens": 1, "metadata": { {{most}} } }""");
        Assert.Equal(16, response["metadata"]!.AsObject().Count);
        await Refused($$"""{ {{most}}, "a": "b" }""", "metadata", "17 pairs");
        await Refused($$"""{"{{new string('k', 65)}}": "a"}""", "metadata", "65 characters");
        await Refused($$"""{"a": "{{new string('v', 513)}}"}""", "metadata.a", "513 characters");
        await Refused("""{"a": 5}""", "metadata.a", "is 5. Expected a text");
        await Refused("5", "metadata", "an object of texts");

        async Task Refused(string metadata, string param, string says)
        {
            var error = await _server.Refusal(Path, $$"""{"input": "a", "metadata": {{metadata}}}""");
            Assert.Equal(param, (string?)error["param"]);
            Assert.Contains(says, (string?)error["message"], StringComparison.Ordinal);
        }
    }

    private static KeptResponse Kept(string id, string text) => new(
        new ResponseObject
        {
            Id = id,
            CreatedAt = 0,
            Status = "completed",
            Model = "m",
            Output = [],
            ParallelToolCalls = true,
            Store = true,
            Temperature = 0,
            TopP = 1,
            Text = new ResponseText(null),
            ToolChoice = JsonElement.Parse("\"auto\""u8),
            Tools = [],
        },
        [new ChatMessage("user", text)]);

    private static string TextOf(JsonNode response) => (string)response["output"]![0]!["content"]![0]!["text"]!;
}
