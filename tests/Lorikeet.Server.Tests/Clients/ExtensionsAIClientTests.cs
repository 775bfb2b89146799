using System.ClientModel;
using System.ComponentModel;
using Microsoft.Extensions.AI;

namespace Lorikeet.Server.Tests.Clients;

/// <summary>Microsoft.Extensions.AI.OpenAI, by which most .NET applications would ask the server.</summary>
public sealed class ExtensionsAIClientTests(NanoModel nano) : IAsyncLifetime
{
    private ClientServer _server = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _server = await ClientServer.Start(nano);

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Conversation_IsHeldInParts()
    {
        using var client = Client(NanoModel.Base);
        var messages = new List<ChatMessage> { new(ChatRole.User, ClientServer.Question) };
        var options = Of(NanoModel.Base);
        var first = await client.GetResponseAsync(messages, options, Cancellation);
        var streamed = await client.GetStreamingResponseAsync(messages, options, Cancellation)
            .ToChatResponseAsync(Cancellation);
        messages.AddMessages(first);
        messages.Add(new ChatMessage(ChatRole.User, "And of zinc?"));
        var second = await client.GetResponseAsync(messages, Of(NanoModel.Base), Cancellation);
        var other = await client.GetResponseAsync(messages, Of(NanoModel.Adapter), Cancellation);

        Assert.NotEmpty(first.Text);
        Assert.Equal(first.Text, streamed.Text);
        Assert.Equal(first.Usage!.OutputTokenCount, streamed.Usage!.OutputTokenCount);
        Assert.Equal((NanoModel.Base, NanoModel.Adapter), (first.ModelId, other.ModelId));
        Assert.True(second.Usage!.InputTokenCount > first.Usage.InputTokenCount);

        static ChatOptions Of(string model) =>
            new() { ModelId = model, MaxOutputTokens = 20, Temperature = 0, Instructions = "Be brief." };
    }

    [Fact]
    public async Task RequiredFunction_IsInvoked()
    {
        var cities = new List<City>();
        await using var server = await ClientServer.StartLong(nano);
        using var client = server.Client().GetChatClient(NanoModel.Base).AsIChatClient()
            .AsBuilder().UseFunctionInvocation().Build();
        var options = new ChatOptions
        {
            Tools = [AIFunctionFactory.Create(Weather, "weather")],
            ToolMode = ChatToolMode.RequireSpecific("weather"),
            MaxOutputTokens = 60,
            Temperature = 0,
        };
        var response = await client.GetResponseAsync("Is it raining in Hue?", options, Cancellation);

        Assert.Single(cities);
        Assert.Equal(
            [ChatRole.Assistant, ChatRole.Tool, ChatRole.Assistant],
            response.Messages.Select(message => message.Role));

        [Description("The weather in a city.")]
        string Weather(City city)
        {
            cities.Add(city);
            return "sunny";
        }
    }

    [Fact]
    public async Task Type_IsWhatTheAnswerIsReadAs()
    {
        using var client = Client(NanoModel.Base);
        var response = await client.GetResponseAsync<Element>(
            ClientServer.Question, new ChatOptions { MaxOutputTokens = 120, Temperature = 0 },
            cancellationToken: Cancellation);

        Assert.True(Enum.IsDefined(response.Result.Kind));
    }

    [Fact]
    public async Task UnknownModel_IsAnErrorOfTheClient()
    {
        using var client = Client("gpt");

        var fault = await Assert.ThrowsAsync<ClientResultException>(
            () => client.GetResponseAsync("Hello", null, Cancellation));
        Assert.Equal(404, fault.Status);
    }

    private IChatClient Client(string model) => _server.Client().GetChatClient(model).AsIChatClient();

    internal enum City
    {
        Hue,
        Hanoi,
    }

    internal enum Kind
    {
        Metal,
        Gas,
    }

    internal sealed record Element(Kind Kind, bool IsRare);
}
