using System.Text.Json;
using Microsoft.Extensions.AI;
using Turn = Lorikeet.Data.ChatMessage;

namespace Lorikeet.Extensions.AI.Tests;

/// <summary>What a model is told of messages.</summary>
public sealed class ConversationTests
{
    [Fact]
    public void Texts_AreTurnsOfTheirRoles()
    {
        var turns = Conversation.Of(
            [
                new(ChatRole.System, "Be brief."),
                new(ChatRole.User, [new TextContent("Who "), new TextContent("wrote it?")]) { AuthorName = "Ann" },
                new(ChatRole.Assistant, "Astrid"),
            ],
            instructions: null);

        Assert.Equal(
            [
                new Turn("system", "Be brief."),
                new Turn("user", "Who wrote it?") { Name = "Ann" },
                new Turn("assistant", "Astrid"),
            ],
            turns);
    }

    [Fact]
    public void Instructions_PrecedeTheSystemsTurn()
    {
        Assert.Equal(
            [new Turn("system", "Be kind.\n\nBe brief."), new Turn("user", "Hello")],
            Conversation.Of([new(ChatRole.System, "Be brief."), new(ChatRole.User, "Hello")], "Be kind."));
        Assert.Equal(
            [new Turn("system", "Be kind."), new Turn("user", "Hello")],
            Conversation.Of([new(ChatRole.User, "Hello")], "Be kind."));
    }

    [Fact]
    public void CallsAndResults_AreTurnsOfTheirOwn()
    {
        var turns = Conversation.Of(
            [
                new(ChatRole.User, "The weather in Hue and Hanoi?"),
                new(ChatRole.Assistant,
                [
                    new TextContent("Let me see."),
                    new FunctionCallContent("a", "weather", new Dictionary<string, object?> { ["city"] = "Huế" }),
                    new FunctionCallContent("b", "weather"),
                    new UsageContent(new UsageDetails { InputTokenCount = 3 }),
                ]),
                new(ChatRole.Tool, [new FunctionResultContent("a", "sunny"), new FunctionResultContent("b", 21.5)]),
            ],
            instructions: null);

        Assert.Equal(4, turns.Count);
        Assert.Equal("Let me see.", turns[1].Content);
        Assert.Equal(["a", "b"], turns[1].ToolCalls!.Select(call => call.Id));
        using var arguments = JsonDocument.Parse(turns[1].ToolCalls![0].Arguments);
        Assert.Equal("Huế", arguments.RootElement.GetProperty("city").GetString());
        Assert.Equal("{}", turns[1].ToolCalls![1].Arguments);
        Assert.Equal(
            [
                new Turn("tool", "sunny") { ToolCallId = "a", Name = "weather" },
                new Turn("tool", "21.5") { ToolCallId = "b", Name = "weather" },
            ],
            turns.Skip(2));
    }

    [Fact]
    public void Results_AreTextOrJson()
    {
        Assert.Equal("", Conversation.ResultText(null));
        Assert.Equal("sunny", Conversation.ResultText("sunny"));
        Assert.Equal("sunny", Conversation.ResultText(JsonSerializer.SerializeToElement("sunny")));
        Assert.Equal(
            """{"city":"Hue"}""", Conversation.ResultText(new Dictionary<string, object?> { ["city"] = "Hue" }));
        AIContent[] contents = [new TextContent("a warm "), new TextContent("day")];
        Assert.Equal("a warm day", Conversation.ResultText(contents));
    }

    [Fact]
    public void Images_AreRefused()
    {
        var picture = new DataContent(new byte[] { 1, 2, 3 }, "image/png");

        var fault = Assert.Throws<ConfigurationException>(
            () => Conversation.Of([new(ChatRole.User, [new TextContent("What is this?"), picture])], null));
        Assert.StartsWith("A message of the role 'user' holds a DataContent.", fault.Message, StringComparison.Ordinal);
        Assert.Throws<ConfigurationException>(() => Conversation.ResultText(new AIContent[] { picture }));
    }
}
