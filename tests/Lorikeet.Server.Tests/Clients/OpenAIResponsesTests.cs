using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using OpenAI.Responses;

namespace Lorikeet.Server.Tests.Clients;

/// <summary>OpenAI's own client for .NET, over the responses API.</summary>
[Experimental("OPENAI001")]
public sealed class OpenAIResponsesTests(NanoModel nano) : IAsyncLifetime
{
    private ClientServer _server = null!;
    private ResponsesClient _client = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await ClientServer.Start(nano);
        _client = _server.Client().GetResponsesClient();
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Response_AndItsStream_AreTheSame()
    {
        ResponseResult whole = await _client.CreateResponseAsync(Options(ClientServer.Question), Cancellation);
        var streamed = Options(ClientServer.Question);
        streamed.StreamingEnabled = true;
        var updates = new List<StreamingResponseUpdate>();
        await foreach (var update in await _client.CreateResponseStreamingAsync(streamed, Cancellation))
            updates.Add(update);

        Assert.NotEmpty(whole.GetOutputText());
        Assert.Equal(
            whole.GetOutputText(),
            string.Concat(updates.OfType<StreamingResponseOutputTextDeltaUpdate>().Select(update => update.Delta)));
        Assert.Equal(ResponseStatus.Incomplete, whole.Status);
        Assert.Equal(12, whole.Usage.OutputTokenCount);
        Assert.IsType<StreamingResponseCreatedUpdate>(updates[0]);
        var last = Assert.IsType<StreamingResponseIncompleteUpdate>(updates[^1]);
        Assert.Equal(whole.GetOutputText(), last.Response.GetOutputText());
        Assert.Equal(Enumerable.Range(0, updates.Count), updates.Select(update => update.SequenceNumber));
    }

    [Fact]
    public async Task PreviousResponse_IsGoneOnFrom()
    {
        ResponseResult first = await _client.CreateResponseAsync(Options(ClientServer.Question), Cancellation);
        var next = Options("And of zinc?");
        next.PreviousResponseId = first.Id;
        ResponseResult second = await _client.CreateResponseAsync(next, Cancellation);
        ResponseResult kept = await _client.GetResponseAsync(second.Id, Cancellation);

        Assert.Equal(first.Id, second.PreviousResponseId);
        Assert.True(second.Usage.InputTokenCount > first.Usage.InputTokenCount + 12);
        Assert.Equal(second.GetOutputText(), kept.GetOutputText());
        Assert.True((await _client.DeleteResponseAsync(second.Id, Cancellation)).Value.Deleted);
    }

    [Fact]
    public async Task Function_IsCalledAndItsResultAnswered()
    {
        var tool = ResponseTool.CreateFunctionTool(
            "weather", BinaryData.FromString(ClientServer.WeatherArguments), strictModeEnabled: true,
            "The weather in a city.");
        var options = Options("Is it raining in Hue?");
        options.Tools.Add(tool);
        options.ToolChoice = ResponseToolChoice.CreateFunctionChoice("weather");
        options.MaxOutputTokenCount = 60;
        ResponseResult asks = await _client.CreateResponseAsync(options, Cancellation);

        var call = Assert.IsType<FunctionCallResponseItem>(Assert.Single(asks.OutputItems));
        Assert.Equal("weather", call.FunctionName);
        using var arguments = JsonDocument.Parse(call.FunctionArguments);
        Assert.Matches("^(Hue|Hanoi)$", arguments.RootElement.GetProperty("city").GetString());

        var result = ResponseItem.CreateFunctionCallOutputItem(call.CallId, "sunny");
        var next = new CreateResponseOptions(NanoModel.Base, [result])
        {
            PreviousResponseId = asks.Id,
            MaxOutputTokenCount = 8,
        };
        ResponseResult answer = await _client.CreateResponseAsync(next, Cancellation);
        Assert.NotEmpty(answer.GetOutputText());
    }

    [Fact]
    public async Task JsonSchema_IsKept()
    {
        var options = Options(ClientServer.Question);
        options.MaxOutputTokenCount = 100;
        options.TextOptions = new ResponseTextOptions
        {
            TextFormat = ResponseTextFormat.CreateJsonSchemaFormat(
                "element", BinaryData.FromString(ClientServer.ElementSchema), jsonSchemaIsStrict: true),
        };
        ResponseResult answer = await _client.CreateResponseAsync(options, Cancellation);

        using var json = JsonDocument.Parse(answer.GetOutputText());
        Assert.Matches("^(metal|gas)$", json.RootElement.GetProperty("kind").GetString());
        Assert.Equal(ResponseStatus.Completed, answer.Status);
    }

    private static CreateResponseOptions Options(string question) =>
        new(NanoModel.Base, [ResponseItem.CreateUserMessageItem(question)])
        {
            MaxOutputTokenCount = 12,
            Temperature = 0,
        };
}
