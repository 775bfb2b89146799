using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Data.Reading;

namespace Lorikeet.Data.Shapes;

/// <summary>
/// The turns of a conversation as OpenAI and ShareGPT write them, made the messages that templates read.
/// </summary>
internal static class ConversationTurns
{
    private static readonly string[] SwitchKeys = ["train", "trainable", "loss"];

    /// <summary>
    /// The list in a column; null where there is none. A struct of lists (parquet) is turned into objects.
    /// </summary>
    public static JsonArray? Find(RowCells row, Column column) => row[column] switch
    {
        JsonObject lists => Transposed(lists) ?? throw row.Unexpected(column, "a list of turns"),
        _ => row.List(column),
    };

    /// <summary>The first turn in a column, where it holds turns in any form; else null.</summary>
    public static JsonNode? First(RowCells row, Column column)
    {
        try
        {
            return row[column] is null ? null : Find(row, column)?.FirstOrDefault();
        }
        catch (DatasetException)
        {
            return null;
        }
    }

    /// <summary>The messages of a list of turns.</summary>
    /// <exception cref="DatasetException">One of them is no turn, or said by someone unknown.</exception>
    public static IEnumerable<JsonObject> Read(RowCells row, Column column, IEnumerable<JsonNode?> turns)
    {
        JsonNode?[] all = [.. turns];
        if (!all.All(TurnValue.IsTurn))
            throw row.Unexpected(
                column, "a list of objects with 'role' and 'content' (or 'tool_calls'), or 'from' and 'value'");
        if (all.Any(turn => RoleOf(turn!) is null))
        {
            var found = all.Select(turn => KeyOf(turn!, TurnValue.RoleKeys)?.ToJsonString().Trim('"') ?? "null")
                .Distinct();
            throw new DatasetException(
                $"{row.Origin}: the roles in column '{row.PlaceOf(column)}' are {string.Join(", ", found)}; expected " +
                $"are {MessageRoles.Expected}. Rename them.");
        }

        return all.Select(turn => ToMessage(row, column, (JsonObject)turn!));
    }

    /// <summary>A conversation, or why nothing can be learned from it.</summary>
    /// <param name="row">The row, for a column of instructions and one of tools.</param>
    /// <param name="messages">What was said.</param>
    public static RowContent Conversation(RowCells row, IEnumerable<JsonObject> messages)
    {
        var all = new JsonArray([.. messages]);
        AddSystem(all, row.TextOrNull(Column.System));
        MuteEmpty(all);
        if (Answers(all).Any(IsLearned))
            return new ConversationContent(all, row.List(Column.Tools) is { Count: > 0 } tools ? tools : null, []);
        if (!Answers(all).Any())
        {
            var roles = string.Join(", ", all.Select(message => (string?)message!["role"]).Distinct().Order());
            return new SkippedContent($"nothing said by an assistant (roles: {roles})");
        }
        return new SkippedContent(Answers(all).Any(SaysSomething) ? "every answer has a weight of 0" : "no answer");
    }

    /// <summary>An answer without words teaches a lone blank, so it is not learned.</summary>
    public static void MuteEmpty(JsonArray messages)
    {
        foreach (var message in Answers(messages).Where(message => !SaysSomething(message)))
            message["weight"] = 0;
    }

    /// <summary>Whether an assistant's message is learned: its <c>weight</c> (OpenAI) is not 0.</summary>
    public static bool IsLearned(JsonObject message) => message["weight"] is not JsonValue weight || !IsZero(weight);

    /// <summary>The messages of an assistant.</summary>
    public static IEnumerable<JsonObject> Answers(JsonArray messages) =>
        messages.OfType<JsonObject>().Where(message => (string?)message["role"] == "assistant");

    private static bool SaysSomething(JsonObject message) =>
        message["tool_calls"] is JsonArray { Count: > 0 } || message["content"] switch
        {
            null => false,
            JsonValue content => !string.IsNullOrWhiteSpace(RowCells.TextOf(content)),
            _ => true,
        };

    /// <summary>
    /// Instructions from a column of their own, before those that the conversation itself begins with.
    /// </summary>
    private static void AddSystem(JsonArray messages, string? system)
    {
        if (system is null)
            return;
        var isSystem = (string?)messages.FirstOrDefault()?["role"] is "system" or "developer";
        if (!isSystem)
            messages.Insert(0, ConversationContent.Message("system", system));
        else if (messages[0]!["content"] is JsonValue own
            && !RowCells.TextOf(own).Contains(system, StringComparison.Ordinal))
            messages[0]!["content"] = $"{system}\n\n{RowCells.TextOf(own)}".TrimEnd();
    }

    private static JsonArray? Transposed(JsonObject lists)
    {
        if (lists.Count == 0 || !lists.All(cell => cell.Value is JsonArray))
            return null;
        var counts = lists.Select(cell => ((JsonArray)cell.Value!).Count).Distinct().ToArray();
        return counts is not [var count] ? null : new JsonArray(
        [
            .. Enumerable.Range(0, count).Select(i => new JsonObject(
                lists.Select(cell => KeyValuePair.Create(cell.Key, cell.Value![i]?.DeepClone())))),
        ]);
    }

    private static JsonNode? KeyOf(JsonNode turn, string[] keys) =>
        keys.Select(key => turn[key]).FirstOrDefault(node => node is not null);

    private static string? RoleOf(JsonNode turn) =>
        KeyOf(turn, TurnValue.RoleKeys) is JsonValue value && value.TryGetValue<string>(out var role)
            ? MessageRoles.TryRead(role)
            : null;

    private static JsonObject ToMessage(RowCells row, Column column, JsonObject turn)
    {
        var role = RoleOf(turn)!;
        var content = KeyOf(turn, TurnValue.ContentKeys);
        var message = role == MessageRoles.FunctionCall
            ? ToToolCall(TextOf(row, column, content) ?? "")
            : Copy(turn, role, TextOf(row, column, content));
        if (role != "assistant" && role != MessageRoles.FunctionCall && content is null)
            throw row.Unexpected(column, $"a list of turns, each with its text; one of '{role}' has none");
        if (!IsLearned(row, column, turn))
            message["weight"] = 0;
        return message;
    }

    /// <summary>Tables have a cell for every key, be it null; templates ask whether a key is there.</summary>
    private static JsonObject Copy(JsonObject turn, string role, string? content)
    {
        var message = new JsonObject { ["role"] = role, ["content"] = content };
        if (!turn.ContainsKey("role"))
            return message;
        foreach (var (key, value) in turn)
        {
            if (value is not null && key is not ("role" or "content" or "weight") && !SwitchKeys.Contains(key))
                message[key] = value.DeepClone();
        }
        return message;
    }

    /// <summary>The text of a turn; OpenAI's parts of text are put together.</summary>
    private static string? TextOf(RowCells row, Column column, JsonNode? content) => content switch
    {
        null => null,
        JsonValue value => RowCells.TextOf(value),
        JsonArray parts when parts.All(IsText) =>
            string.Concat(parts.Select(part => RowCells.TextOf((JsonValue)part!["text"]!))),
        _ => throw row.Unexpected(column, "a list of turns of text; other parts, such as images, are not read"),
    };

    private static bool IsText(JsonNode? part) => part is JsonObject fields && fields["text"] is JsonValue
        && (fields["type"] is not { } type
            || (type is JsonValue kind && kind.TryGetValue(out string? name) && name == "text"));

    private static bool IsLearned(RowCells row, Column column, JsonObject turn)
    {
        if (SwitchKeys.Any(key => turn[key] is JsonValue flag && flag.GetValueKind() == JsonValueKind.False))
            return false;
        if (turn["weight"] is not { } weight)
            return true;
        if (weight is JsonValue value && IsZero(value))
            return false;
        var isOne = weight is JsonValue given &&
            (given.GetValueKind() == JsonValueKind.True || Number(given) == 1);
        return isOne
            ? true
            : throw row.Unexpected(column, $"a list of turns with a weight of 0 or 1, not {weight.ToJsonString()}");
    }

    private static bool IsZero(JsonValue value) => value.GetValueKind() == JsonValueKind.False || Number(value) == 0;

    private static double? Number(JsonValue value) => double.TryParse(
        RowCells.TextOf(value), System.Globalization.CultureInfo.InvariantCulture, out var number) ? number : null;

    private static JsonObject ToToolCall(string content)
    {
        var calls = RowJson.TryParse(content) switch
        {
            JsonArray several => several.OfType<JsonObject>(),
            JsonObject one => [one],
            _ => [],
        };
        var toolCalls = calls.Select(
            call => (JsonNode)new JsonObject { ["type"] = "function", ["function"] = call.DeepClone() });
        if (new JsonArray([.. toolCalls]) is not { Count: > 0 } list)
            return ConversationContent.Message("assistant", content);
        var message = ConversationContent.Message("assistant", "");
        message["tool_calls"] = list;
        return message;
    }
}
