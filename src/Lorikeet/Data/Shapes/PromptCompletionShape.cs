using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Options;

namespace Lorikeet.Data.Shapes;

/// <summary>Prompts with what follows them, as text or (TRL) as lists of messages.</summary>
internal sealed class PromptCompletionShape : RowShape
{
    private static readonly Column Prompt = new("prompt", "query", "input", "question");
    private static readonly Column Completion = new("completion", "response", "chosen", "output", "answer", "target");
    private static readonly Column Label = new("label") { IsOptional = true };
    private static readonly Column Verbatim = new("completion");

    public override DatasetShape Kind => DatasetShape.PromptCompletion;

    public override string Description =>
        "prompts with their completions, which are learned (a column named 'completion' follows its prompt as it is)";

    public override IReadOnlyList<Column> Columns => [Prompt, Completion, Label];

    public override PromptStyle StyleOf(RowCells row) =>
        row.Has(Verbatim) && row[Prompt] is not JsonArray ? PromptStyle.Verbatim : PromptStyle.Conversation;

    public override Example Read(RowCells row)
    {
        // TRL's unpaired preference data says of each completion whether it is wanted.
        if (row[Label] is JsonValue label && label.GetValueKind() == JsonValueKind.False)
            return new SkippedExample(EncodedExample.Unwanted);
        if (row[Prompt] is JsonArray || row[Completion] is JsonArray)
            return ReadMessages(row);

        var prompt = row.Text(Prompt);
        var completion = row.Text(Completion);
        if (string.IsNullOrWhiteSpace(prompt))
            return new SkippedExample("no prompt");
        return string.IsNullOrWhiteSpace(completion)
            ? new SkippedExample("no completion")
            : ConversationExample.Of(ConversationExample.Message("user", prompt), completion);
    }

    private static ConversationExample ReadMessages(RowCells row)
    {
        var messages = new JsonArray([.. Messages(row, Prompt), .. Messages(row, Completion)]);
        if (!messages.All(message => message?["role"] is JsonValue && message["content"] is JsonValue))
            throw row.Unexpected(Completion, "a list of messages with 'role' and 'content', as the prompt is");
        return new ConversationExample(messages, null, []);
    }

    /// <summary>The messages of a column; text stands for one message.</summary>
    private static IEnumerable<JsonNode?> Messages(RowCells row, Column column) => row[column] switch
    {
        JsonArray list => list.Select(message => message?.DeepClone()),
        _ => [ConversationExample.Message(column == Prompt ? "user" : "assistant", row.Text(column) ?? "")],
    };
}
