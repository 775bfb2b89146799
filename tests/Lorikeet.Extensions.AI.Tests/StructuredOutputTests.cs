using System.ComponentModel;
using Lorikeet.Serving;
using Microsoft.Extensions.AI;

namespace Lorikeet.Extensions.AI.Tests;

/// <summary>Answers that must have a form, and calls of functions, by a model that was trained for neither.</summary>
public sealed class StructuredOutputTests(TinyModel tiny)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Answer_IsOfTheTypeAskedFor()
    {
        using var client = new LorikeetChatClient(tiny.Host);
        var response = await client.GetResponseAsync<Element>(
            TinyModel.Question, new ChatOptions { MaxOutputTokens = 200 }, cancellationToken: Cancellation);

        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
        Assert.True(Enum.IsDefined(response.Result.Kind));
        Assert.InRange(response.Result.IsRare, false, true);
    }

    [Fact]
    public async Task RequiredFunction_IsCalledAndItsResultAnswered()
    {
        using var model = TinyModel.Load(tiny.WithTools);
        await using var host = ModelHost.Start(model);
        var asked = new List<Place>();
        using var client = new LorikeetChatClient(host).AsBuilder().UseFunctionInvocation().Build();
        var options = new ChatOptions
        {
            Tools = [AIFunctionFactory.Create(Weather, nameof(Weather))],
            ToolMode = ChatToolMode.RequireSpecific(nameof(Weather)),
            MaxOutputTokens = 60,
        };
        var response = await client.GetResponseAsync("Is it raining in Hue?", options, Cancellation);

        Assert.Single(asked);
        var call = Assert.Single(Contents<FunctionCallContent>(response));
        Assert.Equal(nameof(Weather), call.Name);
        Assert.Equal(asked[0].ToString(), call.Arguments!["place"]!.ToString());
        Assert.Equal("sunny", Assert.Single(Contents<FunctionResultContent>(response)).Result!.ToString());
        Assert.Equal(
            [ChatRole.Assistant, ChatRole.Tool, ChatRole.Assistant],
            response.Messages.Select(message => message.Role));
        Assert.NotEmpty(response.Messages[^1].Text);

        [Description("The weather at a place.")]
        string Weather(Place place)
        {
            asked.Add(place);
            return "sunny";
        }
    }

    [Fact]
    public async Task ToolsWithoutAPlaceInTheTemplate_AreRefused()
    {
        using var client = new LorikeetChatClient(tiny.Host);
        var options = new ChatOptions { Tools = [AIFunctionFactory.Create((string city) => city, "weather")] };

        var fault = await Assert.ThrowsAsync<ConfigurationException>(
            () => client.GetResponseAsync("Hello", options, Cancellation));
        Assert.Contains("no place for tools", fault.Message, StringComparison.Ordinal);
    }

    private static IEnumerable<T> Contents<T>(ChatResponse response) =>
        response.Messages.SelectMany(message => message.Contents).OfType<T>();

    internal enum Place
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
