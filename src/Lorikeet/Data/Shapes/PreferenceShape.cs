using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lorikeet.Options;

namespace Lorikeet.Data.Shapes;

/// <summary>
/// Pairs of a chosen and a rejected answer (TRL, Anthropic's hh-rlhf): text, messages, or whole conversations. Only the
/// chosen one is learned.
/// </summary>
internal sealed partial class PreferenceShape : RowShape
{
    private static readonly Column Chosen = new("chosen");
    private static readonly Column Rejected = new("rejected");
    private static readonly Column Prompt = new("prompt", "question", "instruction", "query") { IsOptional = true };
    private static readonly Column Input = new("input") { IsOptional = true };
    private static readonly Column System = new("system") { IsOptional = true };

    public override DatasetShape Kind => DatasetShape.Preference;

    public override string Description =>
        "preference pairs; the chosen answer is learned, the rejected one is not used";

    public override IReadOnlyList<Column> Columns => [Chosen, Rejected, Prompt, Input, System];

    public override PromptStyle StyleOf(RowCells row) =>
        row[Chosen] is JsonArray || row.Has(Prompt) || Turns().IsMatch(row.Text(Chosen) ?? "")
            ? PromptStyle.Conversation
            : PromptStyle.Written;

    public override Example Read(RowCells row) => row[Chosen] switch
    {
        null => new SkippedExample("no chosen answer"),
        JsonArray messages => OfMessages(row, messages),
        _ => OfText(row, row.Text(Chosen)!),
    };

    private static Example OfMessages(RowCells row, JsonArray chosen)
    {
        if (!chosen.All(message => message?["role"] is JsonValue && message["content"] is JsonValue))
            throw row.Unexpected(Chosen, "text, or a list of messages with 'role' and 'content'");

        // A chosen side that begins with the question is the whole conversation, the prompt a copy of it.
        var isWhole = (string?)chosen.FirstOrDefault()?["role"] != "assistant";
        var messages = new JsonArray([.. isWhole ? [] : Before(row), .. chosen.Select(message => message!.DeepClone())]);
        return messages.Any(message => (string?)message!["role"] == "assistant")
            ? new ConversationExample(messages, null, [])
            : new SkippedExample("nothing said by an assistant");
    }

    private static Example OfText(RowCells row, string chosen)
    {
        if (string.IsNullOrWhiteSpace(chosen)) return new SkippedExample("no chosen answer");
        if (row.Has(Prompt))
        {
            return new ConversationExample(
                [.. Before(row), ConversationExample.Message("assistant", chosen)], null, []);
        }

        var turns = Turns().Matches(chosen);
        return turns.Count == 0 ? new TextExample(chosen) : new ConversationExample(
            [.. turns.Select(turn => ConversationExample.Message(
                turn.Groups["who"].Value == "Human" ? "user" : "assistant", turn.Groups["what"].Value.Trim()))],
            null, []);
    }

    private static IEnumerable<JsonNode> Before(RowCells row)
    {
        if (row[Prompt] is JsonArray messages) return messages.Select(message => message!.DeepClone());
        var asked = row.Text(Input) is { Length: > 0 } input ? $"{row.Text(Prompt)}\n\n{input}" : row.Text(Prompt) ?? "";
        var question = ConversationExample.Message("user", asked);
        return row.Text(System) is { Length: > 0 } system
            ? [ConversationExample.Message("system", system), question]
            : [question];
    }

    [GeneratedRegex(
        @"(?:^|\n\n)(?<who>Human|Assistant): ?(?<what>.*?)(?=\n\n(?:Human|Assistant):|\z)", RegexOptions.Singleline)]
    private static partial Regex Turns();
}
