using System.Text.Json.Nodes;
using Lorikeet.Serving;
using Microsoft.Extensions.AI;

namespace Lorikeet.Extensions.AI;

/// <summary>Tools of Microsoft.Extensions.AI as they are described to a model.</summary>
internal static class Tools
{
    /// <summary>The functions that the model may call.</summary>
    /// <exception cref="ConfigurationException">A tool is none that the caller runs.</exception>
    public static IReadOnlyList<ToolDefinition> Of(IEnumerable<AITool> tools) => [.. tools.Select(Definition)];

    /// <summary>Whether it may, must or must not.</summary>
    public static ToolChoice Choice(ChatToolMode mode) => mode switch
    {
        NoneChatToolMode => ToolChoice.None,
        RequiredChatToolMode { RequiredFunctionName: { } name } => ToolChoice.Function(name),
        RequiredChatToolMode => ToolChoice.Required,
        _ => ToolChoice.Auto,
    };

    private static ToolDefinition Definition(AITool tool) => tool is AIFunctionDeclaration function
        ? new ToolDefinition(function.Name)
        {
            Description = function.Description.Length > 0 ? function.Description : null,
            Parameters = JsonNode.Parse(function.JsonSchema.GetRawText()) as JsonObject,
        }
        : throw new ConfigurationException(
            $"The tool '{tool.Name}' is a {tool.GetType().Name}, which a service would have to run. A model in this "
            + "process can call functions only: give it an AIFunction.");
}
