using System.ClientModel;
using System.Text.Json;
using OpenAI;
using OpenAI.Chat;

namespace Lorikeet.Server.Tests.Clients;

/// <summary>OpenAI's own client for .NET holds conversations with the server.</summary>
public sealed class OpenAIChatTests(NanoModel nano) : IAsyncLifetime
{
    private ClientServer _server = null!;
    private OpenAIClient _client = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await ClientServer.Start(nano);
        _client = _server.Client();
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Answer_AndItsStream_AreTheSame()
    {
        var chat = _client.GetChatClient(NanoModel.Adapter);
        var options = new ChatCompletionOptions { MaxOutputTokenCount = 8, Temperature = 0 };
        ChatCompletion whole = await chat.CompleteChatAsync([ClientServer.Question], options, Cancellation);
        var updates = await chat.CompleteChatStreamingAsync([ClientServer.Question], options, Cancellation)
            .ToListAsync(Cancellation);

        Assert.NotEmpty(whole.Content[0].Text);
        Assert.Equal(
            whole.Content[0].Text,
            string.Concat(updates.SelectMany(update => update.ContentUpdate).Select(part => part.Text)));
        Assert.Equal(ChatFinishReason.Length, whole.FinishReason);
        Assert.Equal(
            ChatFinishReason.Length, Assert.Single(updates, update => update.FinishReason is not null).FinishReason);
        Assert.Equal((8, NanoModel.Adapter), (whole.Usage.OutputTokenCount, whole.Model));
        var usage = Assert.Single(updates, update => update.Usage is not null).Usage;
        Assert.Equal((whole.Usage.InputTokenCount, 8), (usage.InputTokenCount, usage.OutputTokenCount));
    }

    [Fact]
    public async Task SeveralTurns_AreReadTogether()
    {
        var chat = _client.GetChatClient(NanoModel.Base);
        var options = new ChatCompletionOptions { MaxOutputTokenCount = 20, Temperature = 0 };
        List<ChatMessage> messages =
            [new SystemChatMessage("Be brief."), new UserChatMessage(ClientServer.Question)];
        ChatCompletion first = await chat.CompleteChatAsync(messages, options, Cancellation);
        messages.Add(new AssistantChatMessage(first));
        messages.Add(new UserChatMessage("And of zinc?"));
        ChatCompletion second = await chat.CompleteChatAsync(messages, options, Cancellation);

        Assert.NotEmpty(second.Content[0].Text);
        Assert.True(second.Usage.InputTokenCount > first.Usage.InputTokenCount + 16);
        Assert.True(second.Usage.InputTokenDetails.CachedTokenCount >= 16, "the first turns were read before");
    }

    [Fact]
    public async Task Tool_IsCalledAndItsResultAnswered()
    {
        var chat = _client.GetChatClient(NanoModel.Base);
        var tool = ChatTool.CreateFunctionTool(
            "weather", "The weather in a city.", BinaryData.FromString(ClientServer.WeatherArguments));
        var options = new ChatCompletionOptions
        {
            Tools = { tool },
            ToolChoice = ChatToolChoice.CreateFunctionChoice("weather"),
            MaxOutputTokenCount = 60,
        };
        var messages = new List<ChatMessage> { new UserChatMessage("Is it raining in Hue?") };
        ChatCompletion asks = await chat.CompleteChatAsync(messages, options, Cancellation);

        Assert.Equal(ChatFinishReason.ToolCalls, asks.FinishReason);
        var call = Assert.Single(asks.ToolCalls);
        Assert.Equal("weather", call.FunctionName);
        Assert.Matches("^(Hue|Hanoi)$", City(call.FunctionArguments));

        messages.Add(new AssistantChatMessage(asks));
        messages.Add(new ToolChatMessage(call.Id, "sunny"));
        var none = new ChatCompletionOptions
        {
            Tools = { tool },
            ToolChoice = ChatToolChoice.CreateNoneChoice(),
            MaxOutputTokenCount = 8,
        };
        ChatCompletion answer = await chat.CompleteChatAsync(messages, none, Cancellation);
        Assert.NotEmpty(answer.Content[0].Text);
        Assert.Empty(answer.ToolCalls);

        // The same as a stream.
        var updates = await chat.CompleteChatStreamingAsync([messages[0]], options, Cancellation)
            .ToListAsync(Cancellation);
        var parts = updates.SelectMany(update => update.ToolCallUpdates).ToList();
        Assert.Equal("weather", Assert.Single(parts, part => part.FunctionName is not null).FunctionName);
        Assert.Equal(
            City(call.FunctionArguments),
            City(BinaryData.FromString(string.Concat(parts.Select(part => part.FunctionArgumentsUpdate?.ToString())))));
    }

    [Fact]
    public async Task JsonSchema_IsKept()
    {
        var format = ChatResponseFormat.CreateJsonSchemaFormat(
            "element", BinaryData.FromString(ClientServer.ElementSchema), jsonSchemaIsStrict: true);
        ChatCompletion answer = await _client.GetChatClient(NanoModel.Base).CompleteChatAsync(
            [ClientServer.Question],
            new ChatCompletionOptions { ResponseFormat = format, MaxOutputTokenCount = 100 },
            Cancellation);

        using var json = JsonDocument.Parse(answer.Content[0].Text);
        Assert.Matches("^(metal|gas)$", json.RootElement.GetProperty("kind").GetString());
        Assert.Matches("^(true|false)$", json.RootElement.GetProperty("rare").GetRawText());
        Assert.Equal(ChatFinishReason.Stop, answer.FinishReason);
    }

    [Fact]
    public async Task LogProbabilities_AreOneAToken()
    {
        var options = new ChatCompletionOptions
        {
            IncludeLogProbabilities = true,
            TopLogProbabilityCount = 2,
            MaxOutputTokenCount = 3,
            Temperature = 0,
        };
        ChatCompletion answer = await _client.GetChatClient(NanoModel.Base).CompleteChatAsync(
            [ClientServer.Question], options, Cancellation);

        Assert.Equal(3, answer.ContentTokenLogProbabilities.Count);
        Assert.All(answer.ContentTokenLogProbabilities, token =>
        {
            Assert.Equal(2, token.TopLogProbabilities.Count);
            Assert.Equal(token.TopLogProbabilities[0].Token, token.Token);
            Assert.True(token.LogProbability <= 0);
        });
    }

    [Fact]
    public async Task StreamThatIsLeft_FreesItsPlace()
    {
        var chat = _client.GetChatClient(NanoModel.Base);
        var options = new ChatCompletionOptions { MaxOutputTokenCount = 200, Temperature = 2 };
        await foreach (var _ in chat.CompleteChatStreamingAsync([ClientServer.Question], options, Cancellation))
            break;

        await _server.WaitUntilIdle();
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in chat.CompleteChatStreamingAsync([ClientServer.Question], options, ending.Token))
                await ending.CancelAsync();
        });
        await _server.WaitUntilIdle();
    }

    [Fact]
    public async Task Models_AreListedAndFound()
    {
        var models = _client.GetOpenAIModelClient();
        var all = (await models.GetModelsAsync(Cancellation)).Value;
        var one = (await models.GetModelAsync(NanoModel.Adapter, Cancellation)).Value;

        Assert.Equal([NanoModel.Base, NanoModel.Adapter, NanoModel.Early], all.Select(model => model.Id));
        Assert.Equal((NanoModel.Adapter, all[1].CreatedAt), (one.Id, one.CreatedAt));
        var unknown = await Assert.ThrowsAsync<ClientResultException>(() => models.GetModelAsync("gpt", Cancellation));
        Assert.Equal(404, unknown.Status);
    }

    [Fact]
    public async Task Refusals_AreTheClientsOwnErrors()
    {
        Assert.Equal(401, (await Refusal(_server.Client("another"), NanoModel.Base, "Hello")).Status);
        var unknown = await Refusal(_client, "gpt", "Hello");
        Assert.Equal(404, unknown.Status);
        Assert.Contains("model_not_found", unknown.Message, StringComparison.Ordinal);
        var tooLong = await Refusal(_client, NanoModel.Base, string.Concat(Enumerable.Repeat("river ", 400)));
        Assert.Equal(400, tooLong.Status);
        Assert.Contains("context_length_exceeded", tooLong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task FullQueue_Is429()
    {
        await using var narrow = await ClientServer.StartNarrow(nano);
        var chat = narrow.Client().GetChatClient(NanoModel.Base);
        var options = new ChatCompletionOptions { MaxOutputTokenCount = 200, Temperature = 2 };
        await using var first = chat.CompleteChatStreamingAsync([ClientServer.Question], options, Cancellation)
            .GetAsyncEnumerator(Cancellation);
        Assert.True(await first.MoveNextAsync());

        Assert.Equal(429, (await Refusal(narrow.Client(), NanoModel.Base, "Hello")).Status);
    }

    private static async Task<ClientResultException> Refusal(OpenAIClient client, string model, string question) =>
        await Assert.ThrowsAsync<ClientResultException>(
            () => client.GetChatClient(model).CompleteChatAsync([question], cancellationToken: Cancellation));

    private static string? City(BinaryData arguments)
    {
        using var json = JsonDocument.Parse(arguments);
        return json.RootElement.GetProperty("city").GetString();
    }
}
