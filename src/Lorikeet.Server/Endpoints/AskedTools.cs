using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Server.Protocol;
using Lorikeet.Serving;

namespace Lorikeet.Server.Endpoints;

/// <summary>The tools of a request, and whether one is to be called.</summary>
/// <param name="Tools">The tools.</param>
/// <param name="Choice">Whether one may, must or must not be called.</param>
internal sealed record AskedTools(IReadOnlyList<ToolDefinition> Tools, ToolChoice Choice)
{
    private const string Choices = "\"auto\", \"none\", \"required\", or an object that names a function";

    /// <summary>Those of a chat completion.</summary>
    /// <exception cref="ApiException">A tool is no function, or the choice names none.</exception>
    public static AskedTools Of(ChatCompletionRequest request)
    {
        ToolDefinition[] tools =
        [
            .. (request.Tools ?? []).Select((tool, i) => ReadTool(
                $"tools[{i}]", tool?.Type, $"tools[{i}].function", tool?.Function?.Name, tool?.Function?.Description,
                tool?.Function?.Parameters)),
        ];
        return new AskedTools(tools, ReadChoice(request.ToolChoice, tools, choice =>
            choice.TryGetProperty("function", out var function) ? function : default));
    }

    /// <summary>Those of a response.</summary>
    /// <exception cref="ApiException">A tool is no function, or the choice names none.</exception>
    public static AskedTools Of(ResponseRequest request)
    {
        ToolDefinition[] tools =
        [
            .. (request.Tools ?? []).Select((tool, i) => ReadTool(
                $"tools[{i}]", tool?.Type, $"tools[{i}]", tool?.Name, tool?.Description, tool?.Parameters)),
        ];
        return new AskedTools(tools, ReadChoice(request.ToolChoice, tools, choice => choice));
    }

    private static ToolDefinition ReadTool(
        string param, string? type, string place, string? name, string? description, JsonElement? parameters)
    {
        if (type != "function")
        {
            throw type is null
                ? ApiException.Missing($"{param}.type", "\"function\"")
                : ApiException.Unexpected(
                    $"{param}.type", $"'{type}'", "\"function\": other tools are not at hand here");
        }

        if (string.IsNullOrEmpty(name))
            throw ApiException.Missing($"{place}.name", "the function's name");
        return new ToolDefinition(name)
        {
            Description = description,
            Parameters = parameters switch
            {
                null or { ValueKind: JsonValueKind.Null } => null,
                { ValueKind: JsonValueKind.Object } given => JsonObject.Create(given.Clone()),
                { } other => throw ApiException.Unexpected(
                    $"{place}.parameters", JsonWords.Of(other), "a JSON schema: an object"),
            },
        };
    }

    private static ToolChoice ReadChoice(
        JsonElement? given, IReadOnlyList<ToolDefinition> tools, Func<JsonElement, JsonElement> functionOf)
    {
        if (given is not { ValueKind: not JsonValueKind.Null } choice)
            return ToolChoice.Auto;
        if (choice.ValueKind == JsonValueKind.Object)
        {
            var function = functionOf(choice);
            var name = function.ValueKind == JsonValueKind.Object && function.TryGetProperty("name", out var named)
                && named.ValueKind == JsonValueKind.String ? named.GetString() : null;
            if (name is null)
                throw ApiException.Unexpected("tool_choice", "an object without the name of a function", Choices);
            return tools.Any(tool => tool.Name == name)
                ? ToolChoice.Function(name)
                : throw ApiException.Unexpected("tool_choice", $"the function '{name}'", "one of 'tools'");
        }

        var word = choice.ValueKind == JsonValueKind.String ? choice.GetString() : null;
        return word switch
        {
            "auto" => ToolChoice.Auto,
            "none" => ToolChoice.None,
            "required" when tools.Count == 0 =>
                throw ApiException.Missing("tools", "at least one, for 'tool_choice' is 'required'"),
            "required" => ToolChoice.Required,
            _ => throw ApiException.Unexpected("tool_choice", JsonWords.Of(choice), Choices),
        };
    }
}
