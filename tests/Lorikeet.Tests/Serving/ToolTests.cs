using System.Text.Json.Nodes;
using Lorikeet.Data;
using Lorikeet.Data.Prompts;
using Lorikeet.Models.Lora;
using Lorikeet.Serving;
using Lorikeet.Testing;
using Lorikeet.Tests.Library;

namespace Lorikeet.Tests.Serving;

/// <summary>Tools, asked of an adapter whose prompt format has a place for them.</summary>
public sealed class ToolTests : IAsyncLifetime
{
    private const string Template =
        """
        {%- if tools %}{% for tool in tools %}[{{ tool.function.name }}: {{ tool.function.parameters | tojson }}]
        {% endfor %}{% endif %}
        {%- for message in messages -%}
        <{{ message.role }}>{{ message.content }}
        {%- for call in message.tool_calls or [] %}<tool_call>{{ call.function.name }} {{ call.function.arguments | tojson }}</tool_call>{% endfor %}
        {{- '\n' }}
        {%- endfor -%}
        {%- if add_generation_prompt %}<assistant>{% endif %}
        """;

    private static readonly ToolDefinition s_weather = new("weather")
    {
        Description = "Tells the weather.",
        Parameters = JsonNode.Parse(
            """{"type":"object","properties":{"city":{"enum":["Huế","Hà Nội"]}},"required":["city"],"additionalProperties":false}""")!
            .AsObject(),
    };

    private static readonly ToolDefinition s_time = new("time");

    private readonly TemporaryFolder _folder = new();
    private readonly LanguageModel _model = TrainedModel.Load();
    private ModelHost _host = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        using (var adapter = Adapter.Create(_model.Decoder, new LoraOptions { Rank = 2 }, seed: 1, "tools"))
            adapter.Save(_folder["tools"], TrainedModel.Folder);
        PromptFormats.OfTemplate("tools", Template, _model.Tokenizer).Save(_folder["tools"]);
        _host = ModelHost.Start(_model, Asking.Small with { MaxLength = 256 });
        await _host.LoadAdapter("tools", _folder["tools"], cancellation: Cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        _model.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void ToolsCallsAndResults_ReachTheModelThroughItsTemplate()
    {
        var request = Request(ToolChoice.Auto) with
        {
            Messages =
            [
                new("user", "Huế?"),
                new("assistant", "") { ToolCalls = [new("a1", "weather", """{"city": "Huế"}""")] },
                new("tool", "Rain.") { ToolCallId = "a1", Name = "weather" },
            ],
        };

        Assert.Equal(
            "[weather: {\"type\": \"object\", \"properties\": {\"city\": {\"enum\": [\"Huế\", \"Hà Nội\"]}}, "
            + "\"required\": [\"city\"], \"additionalProperties\": false}]\n"
            + "[time: {\"type\": \"object\", \"properties\": {}}]\n"
            + "<user>Huế?\n<assistant><tool_call>weather {\"city\": \"Huế\"}</tool_call>\n<tool>Rain.\n<assistant>",
            _model.Tokenizer!.Decode(_host.Tokenize(request), skipSpecialTokens: true));
    }

    [Fact]
    public void ToolsThatMustNotBeCalled_AreNotShown() => Assert.Equal(
        "<user>Huế?\n<assistant>",
        _model.Tokenizer!.Decode(_host.Tokenize(Request(ToolChoice.None)), skipSpecialTokens: true));

    [Theory]
    [InlineData("required")]
    [InlineData("weather")]
    [InlineData("time")]
    public async Task ToolThatMustBeCalled_IsCalledAsItsSchemaSays(string choice)
    {
        var answer = await _host.Ask(
            Request(choice == "required" ? ToolChoice.Required : ToolChoice.Function(choice)), Cancellation);

        var call = Assert.Single(answer.Calls);
        Assert.Equal((ChatFinish.ToolCalls, ""), (answer.Finish, answer.Text));
        Assert.True(choice == "required" ? call.Name is "weather" or "time" : call.Name == choice);
        var arguments = JsonNode.Parse(call.Arguments)!.AsObject();
        if (call.Name == "weather")
            Assert.True((string?)arguments["city"] is "Huế" or "Hà Nội");
    }

    [Fact]
    public void WhatCannotBe_IsRefused()
    {
        Assert.Contains("no place for tools", Refusal(Request(ToolChoice.Auto) with { Model = "base" }));
        Assert.Contains("no tool has that name", Refusal(Request(ToolChoice.Function("clock"))));
        Assert.Contains("no tools are given", Refusal(Request(ToolChoice.Required) with { Tools = [] }));
        Assert.Contains("Two tools", Refusal(Request(ToolChoice.Auto) with { Tools = [s_time, s_time] }));
        Assert.Contains("one of the two", Refusal(
            Request(ToolChoice.Required) with { ResponseFormat = ResponseFormat.JsonObject }));
    }

    private string Refusal(ChatRequest request) =>
        Assert.ThrowsAny<ConfigurationException>(() => _host.Chat(request)).Message;

    private static ChatRequest Request(ToolChoice choice) => new()
    {
        Model = "tools",
        Messages = [new("user", "Huế?")],
        Tools = [s_weather, s_time],
        ToolChoice = choice,
        Generation = new() { MaxNewTokens = 60 },
    };
}
