using System.Text.Json.Nodes;

namespace Lorikeet.Serving;

/// <summary>The JSON schema of a call of one of several tools.</summary>
internal static class ToolCallSchema
{
    // What the schemas of arguments refer to by a path from the root.
    private static readonly string[] s_definitions = ["$defs", "definitions"];

    public static JsonObject Of(IReadOnlyList<ToolDefinition> tools)
    {
        var definitions = s_definitions.ToDictionary(name => name, _ => new JsonObject());
        List<JsonNode> calls = [.. tools.Select(tool => Call(tool, definitions))];
        var schema = calls is [JsonObject only] ? only : new JsonObject { ["anyOf"] = new JsonArray([.. calls]) };
        foreach (var (name, shared) in definitions.Where(pair => pair.Value.Count > 0))
            schema[name] = shared;
        return schema;
    }

    private static JsonObject Call(ToolDefinition tool, Dictionary<string, JsonObject> definitions)
    {
        var arguments = tool.Schema();
        foreach (var (name, shared) in definitions)
        {
            if (arguments[name] is not JsonObject own)
                continue;
            arguments.Remove(name);
            foreach (var (key, value) in own)
                shared[key] = value?.DeepClone();
        }

        return new JsonObject
        {
            ["type"] = "object",
            ["properties"] = new JsonObject
            {
                ["name"] = new JsonObject { ["const"] = tool.Name },
                ["arguments"] = arguments,
            },
            ["required"] = new JsonArray("name", "arguments"),
            ["additionalProperties"] = false,
        };
    }
}
