using System.Text.Json.Nodes;

namespace Lorikeet.Serving;

/// <summary>A tool that a model may call.</summary>
/// <param name="Name">Its name.</param>
public sealed record ToolDefinition(string Name)
{
    /// <summary>What it does, for the model; null for nothing.</summary>
    public string? Description { get; init; }

    /// <summary>JSON schema of its arguments, an object; null for a tool without any.</summary>
    public JsonObject? Parameters { get; init; }

    /// <summary>The tool as OpenAI's API and chat templates write it.</summary>
    public JsonObject ToJson()
    {
        var function = new JsonObject { ["name"] = Name };
        if (Description is not null)
            function["description"] = Description;
        function["parameters"] = Schema();
        return new JsonObject { ["type"] = "function", ["function"] = function };
    }

    /// <summary>The schema of the arguments; that of an empty object where there are none.</summary>
    internal JsonObject Schema() =>
        Parameters?.DeepClone().AsObject() ?? new JsonObject { ["type"] = "object", ["properties"] = new JsonObject() };
}

/// <summary>Whether a model may, must or must not call a tool.</summary>
public sealed record ToolChoice
{
    private ToolChoice(string kind) => Kind = kind;

    /// <summary>The model decides.</summary>
    public static ToolChoice Auto { get; } = new("auto");

    /// <summary>It answers in words, and does not learn of the tools.</summary>
    public static ToolChoice None { get; } = new("none");

    /// <summary>It calls a tool, whichever it chooses.</summary>
    public static ToolChoice Required { get; } = new("required");

    /// <summary><c>auto</c>, <c>none</c>, <c>required</c> or <c>function</c>, as OpenAI's API names them.</summary>
    public string Kind { get; }

    /// <summary>The tool that must be called; null where none is named.</summary>
    public string? Name { get; private init; }

    /// <summary>It calls this tool.</summary>
    /// <param name="name">Name of one of the request's tools.</param>
    public static ToolChoice Function(string name) => new("function") { Name = name };
}
