using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lorikeet.Data.Reading;

/// <summary>One turn of a conversation in JSON, as OpenAI and ShareGPT write it.</summary>
internal static class TurnValue
{
    /// <summary>Keys of who speaks.</summary>
    public static readonly string[] RoleKeys = ["role", "from"];

    /// <summary>Keys of what is said.</summary>
    public static readonly string[] ContentKeys = ["content", "value"];

    /// <summary>Whether a value is a turn: someone, and what they say.</summary>
    public static bool IsTurn(JsonNode? node) =>
        node is JsonObject turn && RoleKeys.Any(turn.ContainsKey) &&
        (ContentKeys.Any(turn.ContainsKey) || turn.ContainsKey("tool_calls"));

    /// <summary>A value as text: strings without quotes.</summary>
    public static string TextOf(JsonValue value) =>
        value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : value.ToJsonString();
}
