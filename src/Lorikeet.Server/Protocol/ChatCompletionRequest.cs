using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Lorikeet.Server.Protocol;

/// <summary>The body of POST /v1/chat/completions.</summary>
internal sealed record ChatCompletionRequest : CompletionsRequest
{
    public IReadOnlyList<WireMessage>? Messages { get; init; }

    public int? MaxCompletionTokens { get; init; }

    public IReadOnlyList<WireTool>? Tools { get; init; }

    /// <summary>"auto", "none", "required", or {"type": "function", "function": {"name": ...}}.</summary>
    public JsonElement? ToolChoice { get; init; }

    public bool? ParallelToolCalls { get; init; }

    public WireFormat? ResponseFormat { get; init; }

    public bool? Logprobs { get; init; }

    public int? TopLogprobs { get; init; }

    /// <summary>Refused where false: an answer begins a turn.</summary>
    public bool? AddGenerationPrompt { get; init; }

    /// <summary>What the chat template may refer to besides, such as enable_thinking.</summary>
    public JsonObject? ChatTemplateKwargs { get; init; }

    /// <summary>
    /// How much the model thinks first, where its template can be told: none, minimal, low, medium, high.
    /// </summary>
    public string? ReasoningEffort { get; init; }

    /// <summary>Whether what the model thinks is given too; so unless false.</summary>
    public bool? IncludeReasoning { get; init; }

    // Taken and without effect: completions are not kept.
    public bool? Store { get; init; }
}

/// <summary>One turn of a conversation.</summary>
internal sealed record WireMessage
{
    public string? Role { get; init; }

    [JsonConverter(typeof(ContentConverter))]
    public string? Content { get; init; }

    public IReadOnlyList<WireToolCall>? ToolCalls { get; init; }

    /// <summary>What the assistant thought first, in DeepSeek's and vLLM's words.</summary>
    public string? ReasoningContent { get; init; }

    /// <summary>Which call a tool's result belongs to.</summary>
    public string? ToolCallId { get; init; }

    public string? Name { get; init; }
}

/// <summary>A call of a tool; in streams with the index that its parts share.</summary>
internal sealed record WireToolCall
{
    public int? Index { get; init; }

    public string? Id { get; init; }

    public string? Type { get; init; }

    public WireFunctionCall? Function { get; init; }
}

/// <summary>Which function is called with what.</summary>
internal sealed record WireFunctionCall
{
    public string? Name { get; init; }

    /// <summary>A JSON object as text.</summary>
    public string? Arguments { get; init; }
}

/// <summary>A tool that the model may call.</summary>
internal sealed record WireTool
{
    public string? Type { get; init; }

    public WireFunction? Function { get; init; }
}

/// <summary>A function as a tool.</summary>
internal sealed record WireFunction
{
    public string? Name { get; init; }

    public string? Description { get; init; }

    /// <summary>JSON schema of its arguments.</summary>
    public JsonElement? Parameters { get; init; }

    // Arguments always follow the schema here.
    public bool? Strict { get; init; }
}

/// <summary>What an answer must look like: text, json_object, or json_schema.</summary>
internal sealed record WireFormat
{
    public string? Type { get; init; }

    public WireSchema? JsonSchema { get; init; }
}

/// <summary>A JSON schema with its name.</summary>
internal sealed record WireSchema
{
    public string? Name { get; init; }

    public JsonElement? Schema { get; init; }
}
