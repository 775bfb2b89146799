using System.Text.Json.Nodes;

namespace Lorikeet.Data.Shapes;

/// <summary>Prompts with what follows them, as text or (TRL) as lists of messages.</summary>
internal sealed class PromptCompletionShape : RowShape
{
    private static readonly Column Prompt = new("prompt", "query", "question", "input");
    private static readonly Column Completion = new("completion", "response", "chosen", "output", "answer", "target");
    private static readonly Column Input = new("input") { IsOptional = true };
    private static readonly Column Label = new("label", "kto_tag") { IsOptional = true };

    public override DatasetShape Kind => DatasetShape.PromptCompletion;

    public override string Description =>
        "prompts with their completions, which are learned (a column named 'completion' follows its prompt as it is)";

    public override IReadOnlyList<Column> Columns =>
        [Prompt, Completion, Input, PassageText.Column, Label, Column.System, Column.History, Column.Tools];

    /// <summary>What is more than a prompt and its continuation needs a template that sets the parts apart.</summary>
    public override PromptStyle StyleOf(RowCells row)
    {
        var hasParts = row.HasContent(Column.System) || row.HasContent(Column.History) ||
            row.HasContent(PassageText.Column) || HasInput(row);
        return row.NameFoundBy(Completion) == Completion.Name && row[Prompt] is not JsonArray && !hasParts
            ? PromptStyle.Verbatim
            : PromptStyle.Conversation;
    }

    public override RowContent Read(RowCells row) =>
        Content(row) with { IsWanted = MessagesShape.IsWanted(row, Label) };

    private static RowContent Content(RowCells row)
    {
        if (row[Prompt] is JsonArray || row[Completion] is JsonArray)
        {
            return ConversationTurns.Conversation(
                row, [.. EarlierTurns.Read(row), .. Messages(row, Prompt, "user"),
                    .. Messages(row, Completion, "assistant")]);
        }

        var prompt = row.Text(Prompt);
        var completion = row.Text(Completion);
        if (string.IsNullOrWhiteSpace(prompt))
            return new SkippedContent("no prompt");
        if (string.IsNullOrWhiteSpace(completion))
            return new SkippedContent("no completion");
        if (HasInput(row))
            prompt = $"{prompt}\n\n{row.Text(Input)}";
        var question = QuestionAnswerShape.About(prompt, PassageText.Of(row));
        return EarlierTurns.Before(row, ConversationContent.Of(question, completion));
    }

    /// <summary>Whether there is an input beside the prompt; where it is the prompt, it is not.</summary>
    private static bool HasInput(RowCells row) => row.PlaceOf(Input) != row.PlaceOf(Prompt) && row.HasContent(Input);

    /// <summary>The messages of a column; text stands for one message.</summary>
    private static IEnumerable<JsonObject> Messages(RowCells row, Column column, string role) => row[column] switch
    {
        JsonArray list => ConversationTurns.Read(row, column, list),
        _ => [ConversationContent.Message(role, row.Text(column) ?? "")],
    };
}
