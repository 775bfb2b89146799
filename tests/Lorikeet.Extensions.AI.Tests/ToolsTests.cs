using System.ComponentModel;
using Lorikeet.Serving;
using Microsoft.Extensions.AI;

namespace Lorikeet.Extensions.AI.Tests;

/// <summary>What a model is told of tools.</summary>
public sealed class ToolsTests
{
    [Fact]
    public void Function_HasItsSchema()
    {
        var tool = Assert.Single(Tools.Of([AIFunctionFactory.Create(Weather)]));

        Assert.Equal(nameof(Weather), tool.Name);
        Assert.Equal("The weather in a city.", tool.Description);
        Assert.Equal("string", (string?)tool.Parameters!["properties"]!["city"]!["type"]);
        Assert.Equal("city", (string?)tool.Parameters["required"]![0]);
    }

    [Fact]
    public void Modes_AreChoices()
    {
        Assert.Equal(ToolChoice.Auto, Tools.Choice(ChatToolMode.Auto));
        Assert.Equal(ToolChoice.None, Tools.Choice(ChatToolMode.None));
        Assert.Equal(ToolChoice.Required, Tools.Choice(ChatToolMode.RequireAny));
        Assert.Equal(ToolChoice.Function("Weather"), Tools.Choice(ChatToolMode.RequireSpecific("Weather")));
    }

    [Fact]
    public void ToolOfAService_IsRefused()
    {
        var fault = Assert.Throws<ConfigurationException>(() => Tools.Of([new HostedWebSearchTool()]));

        Assert.Contains("HostedWebSearchTool", fault.Message, StringComparison.Ordinal);
    }

    [Description("The weather in a city.")]
    private static string Weather(string city) => $"sunny in {city}";
}
