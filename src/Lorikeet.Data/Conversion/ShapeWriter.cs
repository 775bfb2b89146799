using System.Text.Json.Nodes;
using Lorikeet.Data.Shapes;
using Lorikeet.Formats.Options;

namespace Lorikeet.Data.Conversion;

/// <summary>
/// Writes what a row says in another shape. A passage or an input that stands apart from its question is joined with it
/// where the other shape has no place for it, as training joins them.
/// </summary>
internal static class ShapeWriter
{
    private static readonly string[] s_parts = ["question", "context", "instruction", "input"];

    /// <summary>Shapes that rows can be written in.</summary>
    public static IReadOnlyList<DatasetShape> Shapes { get; } =
        [DatasetShape.Messages, DatasetShape.ShareGpt, DatasetShape.Instruction, DatasetShape.QuestionAnswer];

    /// <summary>The columns of a row in another shape; or why they cannot hold it.</summary>
    public static (JsonObject? Columns, string? Refusal) Write(RowContent content, DatasetShape shape)
    {
        switch (content)
        {
            case SkippedContent skipped:
                return (null, skipped.Reason);
            case ConversationContent conversation:
                var columns = shape switch
                {
                    DatasetShape.Messages => Messages(conversation),
                    DatasetShape.ShareGpt => ShareGpt(conversation),
                    _ => LastPair(conversation, shape),
                };
                return columns is null ? (null, $"{WireNames.Of(shape)} has no place for such a conversation")
                    : (columns, null);
            default:
                return (null, "it is no conversation");
        }
    }

    /// <summary>All that a conversation says, to compare two of them.</summary>
    public static string Canonical(RowContent content)
    {
        if (content is not ConversationContent conversation)
            return $"{content}";
        var last = (string?)conversation.Messages[^1]!["content"] ?? "";
        var answers = conversation.Answers.Count == 0 ? [last] : conversation.Answers;
        var messages = new JsonArray([.. conversation.Messages.Select(message => Plain((JsonObject)message!))]);
        return new JsonObject
        {
            ["messages"] = messages,
            ["tools"] = conversation.Tools?.DeepClone(),
            ["answers"] = new JsonArray([.. answers.Select(answer => (JsonNode)answer)]),
        }.ToJsonString();
    }

    private static JsonObject Plain(JsonObject message) => new(message.Where(member => !s_parts.Contains(member.Key))
        .OrderBy(member => member.Key, StringComparer.Ordinal)
        .Select(member => KeyValuePair.Create(member.Key, member.Value?.DeepClone())));

    private static JsonObject Messages(ConversationContent conversation) => WithTools(conversation, "messages",
        conversation.Messages.Select(message => new JsonObject(
            ((JsonObject)message!).Where(member => !s_parts.Contains(member.Key))
                .Select(member => KeyValuePair.Create(member.Key, member.Value?.DeepClone())))));

    private static JsonObject? ShareGpt(ConversationContent conversation)
    {
        var turns = new List<JsonObject>();
        foreach (var message in conversation.Messages.OfType<JsonObject>())
        {
            var from = (string?)message["role"] switch
            {
                "user" => "human",
                "assistant" => "gpt",
                var other => other,
            };
            if (message.Any(member => member.Key is not ("role" or "content" or "weight")
                && !s_parts.Contains(member.Key)))
                return null;
            var turn = new JsonObject { ["from"] = from, ["value"] = message["content"]?.DeepClone() };
            if (message["weight"] is { } weight)
                turn["weight"] = weight.DeepClone();
            turns.Add(turn);
        }

        return WithTools(conversation, "conversations", turns);
    }

    private static JsonObject WithTools(
        ConversationContent conversation, string column, IEnumerable<JsonObject> turns)
    {
        var columns = new JsonObject { [column] = new JsonArray([.. turns]) };
        if (conversation.Tools is { } tools)
            columns["tools"] = tools.DeepClone();
        return columns;
    }

    /// <summary>A question with its answer, what was said before, and the instructions of the system.</summary>
    private static JsonObject? LastPair(ConversationContent conversation, DatasetShape shape)
    {
        List<JsonObject> messages = [.. conversation.Messages.OfType<JsonObject>()];
        var system = (string?)messages[0]["role"] == "system" ? (string?)messages[0]["content"] : null;
        if (system is not null)
            messages.RemoveAt(0);
        var arePairs = messages.Count % 2 == 0 && messages.Index()
            .All(message => (string?)message.Item["role"] == (message.Index % 2 == 0 ? "user" : "assistant"));
        if (!arePairs || messages.Count == 0 || conversation.Tools is not null)
            return null;
        var (asked, answered) = (messages[^2], messages[^1]);
        var columns = shape is DatasetShape.Instruction
            ? Instruction(asked, answered)
            : Question(asked, answered, conversation.Answers);
        if (system is not null)
            columns["system"] = system;
        var earlier = messages.Take(messages.Count - 2).Select(message => message["content"]?.DeepClone()).Chunk(2);
        if (earlier.Select(pair => (JsonNode)new JsonArray(pair)).ToArray() is { Length: > 0 } history)
            columns["history"] = new JsonArray(history);
        return columns;
    }

    private static JsonObject Instruction(JsonObject asked, JsonObject answered) => new()
    {
        ["instruction"] = (asked["instruction"] ?? asked["content"])?.DeepClone(),
        ["input"] = (asked["input"] ?? "").DeepClone(),
        ["output"] = answered["content"]?.DeepClone(),
    };

    private static JsonObject Question(JsonObject asked, JsonObject answered, IReadOnlyList<string> answers)
    {
        var columns = new JsonObject { ["question"] = (asked["question"] ?? asked["content"])?.DeepClone() };
        if (asked["context"] is { } context)
            columns["context"] = context.DeepClone();
        if (answers.Count > 1)
            columns["answers"] = new JsonArray([.. answers.Select(answer => (JsonNode)answer)]);
        else
            columns["answer"] = answered["content"]?.DeepClone();
        return columns;
    }
}
