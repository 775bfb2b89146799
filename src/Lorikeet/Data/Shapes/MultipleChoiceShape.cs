using System.Text.Json.Nodes;
using Lorikeet.Options;

namespace Lorikeet.Data.Shapes;

/// <summary>Questions with choices, as ARC, OpenBookQA, CommonsenseQA and MMLU have them.</summary>
internal sealed class MultipleChoiceShape : RowShape
{
    private static readonly Column Question = new("question", "question_stem");
    private static readonly Column Choices = new("choices", "options");
    private static readonly Column Key = new("answer", "answerkey", "answer_key", "label");

    private sealed record Choice(string Label, string Text);

    public override DatasetShape Kind => DatasetShape.QuestionAnswer;

    public override string Description =>
        "questions with choices; the right choice, its letter and its text, is learned";

    public override IReadOnlyList<Column> Columns => [Question, Choices, Key];

    public override PromptStyle StyleOf(RowCells row) => PromptStyle.Conversation;

    public override Example Read(RowCells row)
    {
        var question = row.Text(Question);
        var choices = ChoicesOf(row);
        var key = row.Text(Key);
        if (string.IsNullOrWhiteSpace(question) || string.IsNullOrWhiteSpace(key))
            return new SkippedExample("no question or no answer");

        var right = choices.FirstOrDefault(choice => choice.Label == key)
            ?? choices.FirstOrDefault(choice => choice.Text == key)
            ?? (int.TryParse(key, out var index) ? choices.ElementAtOrDefault(index) : null);
        if (right is null)
            throw row.Unexpected(Key, $"label, text or position of one of: {string.Join(", ", choices.Select(Show))}");

        var content = string.Join('\n', choices.Select(Show).Prepend(question));
        var message = ConversationExample.Message("user", content);
        return ConversationExample.Of(message, Show(right)) with { Answers = [Show(right), right.Label, right.Text] };
    }

    private static string Show(Choice choice) => $"{choice.Label}. {choice.Text}";

    private static Choice[] ChoicesOf(RowCells row)
    {
        var table = row[Choices] as JsonObject;
        var texts = (table is null ? row.List(Choices) : table["text"] as JsonArray) ?? [];
        var labels = table?["label"] as JsonArray;
        var areLabelled = labels is null || labels.Count == texts.Count;
        if (texts.Count == 0 || !texts.All(text => text is JsonValue) || !areLabelled)
            throw row.Unexpected(Choices, "a list of texts, or {\"text\": [...], \"label\": [...]}");

        return
        [
            .. texts.Select((text, i) => new Choice(
                labels?[i] is JsonValue label ? RowCells.TextOf(label) : ((char)('A' + i)).ToString(),
                RowCells.TextOf((JsonValue)text!))),
        ];
    }
}
