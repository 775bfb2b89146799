using System.Text.Json.Nodes;
using Lorikeet.Data.Reading;

namespace Lorikeet.Data.Shapes;

/// <summary>Turns without roles: pairs of what is asked and answered, or texts that alternate.</summary>
internal static class TurnPairs
{
    private static readonly string[] Asked = ["input", "human", "user", "prompt", "question", "instruction", "query"];
    private static readonly string[] Answered =
        ["output", "assistant", "bot", "gpt", "response", "answer", "completion"];

    /// <summary>Whether a value is a pair: an object, or a list of two texts.</summary>
    public static bool IsPair(JsonNode? node) => Split(node) is not null;

    /// <summary>The messages of a list of pairs; null when it is something else.</summary>
    public static IEnumerable<JsonObject>? TryRead(JsonArray list)
    {
        var pairs = list.Select(Split).ToArray();
        return pairs.All(pair => pair is not null)
            ? pairs.SelectMany(pair => Messages(pair!.Value.Asked, pair.Value.Answered))
            : null;
    }

    /// <summary>Messages of texts that alternate, the user's first.</summary>
    public static IEnumerable<JsonObject> Alternating(IEnumerable<string> texts) =>
        texts.Select((text, i) => ConversationContent.Message(i % 2 == 0 ? "user" : "assistant", text));

    private static IEnumerable<JsonObject> Messages(string asked, string answered) => Alternating([asked, answered]);

    private static (string Asked, string Answered)? Split(JsonNode? node)
    {
        if (node is JsonArray { Count: 2 } and [JsonValue first, JsonValue second])
            return (RowCells.TextOf(first), RowCells.TextOf(second));
        if (node is not JsonObject pair || TurnValue.IsTurn(pair))
            return null;
        return Text(pair, Asked) is { } asked && Text(pair, Answered) is { } answered ? (asked, answered) : null;
    }

    private static string? Text(JsonObject pair, string[] names) =>
        names.Select(name => pair[name]).OfType<JsonValue>().FirstOrDefault() is { } value
            ? RowCells.TextOf(value)
            : null;
}
