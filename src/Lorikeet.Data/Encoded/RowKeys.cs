using System.Text.Json.Nodes;
using Lorikeet.Data.Shapes;

namespace Lorikeet.Data.Encoded;

/// <summary>What a row asks and what it says, as keys that small differences of spelling do not change.</summary>
/// <param name="Question">What its first answer answers; all of it, where nothing is asked.</param>
/// <param name="Content">All of it.</param>
internal readonly record struct RowKeys(UInt128 Question, UInt128 Content)
{
    /// <summary>The keys of a row.</summary>
    public static RowKeys Of(RenderedRow row) => row.Content switch
    {
        TextContent { Text: var text } => new RowKeys(
            TextKey.Of(row.Markup?.FirstQuestion(text) ?? text), TextKey.Of(text)),
        ConversationContent { Messages: var messages } => new RowKeys(
            Of(RenderedRow.FirstQuestion(messages)), Of(messages!)),
        TokenContent tokens => new RowKeys(row.PromptKey, TokenHash.Of(tokens.Ids)),
        _ => new RowKeys(row.PromptKey, row.PromptKey),
    };

    private static UInt128 Of(IEnumerable<JsonNode> messages) => TokenHash.Of(string.Join('\n', messages.Select(Line)));

    /// <summary>Who says what: the text, and whatever else the message holds, such as calls of tools.</summary>
    private static string Line(JsonNode message)
    {
        var more = ((JsonObject)message).Where(member => member.Key is not ("role" or "content"))
            .Select(member => $"{member.Key}={member.Value?.ToJsonString()}");
        var text = message["content"] is JsonValue content ? RowCells.TextOf(content) : $"{message["content"]}";
        return string.Join('\t', more.Prepend(TextKey.Normalize(text)).Prepend($"{message["role"]}"));
    }
}
