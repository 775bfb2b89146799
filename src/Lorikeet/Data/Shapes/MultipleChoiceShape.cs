using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Options;

namespace Lorikeet.Data.Shapes;

/// <summary>Questions with choices, as ARC, OpenBookQA, CommonsenseQA, MMLU, MedQA and MedMCQA have them.</summary>
internal sealed class MultipleChoiceShape : RowShape
{
    private static readonly Column Question = new("question", "question_stem");
    private static readonly Column Key = new(
        "answer_key", "answerkey", "answer_idx", "answer_index", "cop", "answer", "correct", "label", "correct_answer",
        "answers", "gold");

    public override DatasetShape Kind => DatasetShape.QuestionAnswer;

    public override string Description =>
        "questions with choices; the right choice, its letter and its text, is learned";

    public override IReadOnlyList<Column> Columns =>
        [Question, ListedChoices.Column, Key, PassageText.Column, Column.System, Column.History];

    /// <summary>Choices may stand in columns of their own, which have no one name.</summary>
    public override bool Fits(RowCells row) =>
        row.Has(Question) && row.Has(Key) && (row.Has(ListedChoices.Column) || ChoiceColumns.Find(row).Count > 0);

    public override IEnumerable<string> FurtherColumns(RowCells row) =>
        row.Has(ListedChoices.Column) ? [] : ChoiceColumns.Find(row).Select(choice => choice.Name);

    public override string? MissingIn(RowCells row) =>
        row[Question] is null ? Question.Name
        : row[Key] is null ? Key.Name
        : row[ListedChoices.Column] is null && ChoiceColumns.Find(row).Count == 0 ? ListedChoices.Column.Name
        : null;

    public override PromptStyle StyleOf(RowCells row) => PromptStyle.Conversation;

    public override Example Read(RowCells row)
    {
        var question = row.Text(Question);
        var choices = row.Has(ListedChoices.Column) ? ListedChoices.Read(row) : ChoiceColumns.Read(row);
        var key = KeyOf(row);
        if (string.IsNullOrWhiteSpace(question) || key is null || IsWithheld(key))
            return new SkippedExample("no question or no answer");

        var right = Find(choices, key)
            ?? throw row.Unexpected(
                Key, $"label, text or position of one of: {string.Join(", ", choices.Select(choice => $"{choice}"))} " +
                "(positions count from 0)");
        var content = string.Join('\n', choices.Select(choice => $"{choice}").Prepend(question));
        if (PassageText.Of(row) is { } context) content = $"{context}\n\n{content}";
        var example = ConversationExample.Of(ConversationExample.Message("user", content), $"{right}");
        return EarlierTurns.Before(row, example) with { Answers = [$"{right}", right.Label, right.Text] };
    }

    private static JsonValue? KeyOf(RowCells row)
    {
        var key = row[Key] switch
        {
            null => null,
            JsonValue value => value,
            JsonArray { Count: 1 } and [JsonValue only] => only,
            _ => throw row.Unexpected(Key, "one choice: its label, text or position"),
        };
        return key is null || string.IsNullOrWhiteSpace(RowCells.TextOf(key)) ? null : key;
    }

    /// <summary>Test splits hold -1 where the answer is kept back.</summary>
    private static bool IsWithheld(JsonValue key) => RowCells.TextOf(key).Trim() == "-1";

    /// <summary>
    /// The choice that a key names. A number is a position, as in MMLU, unless the data itself numbers its choices; text
    /// is a label first, then the choice word for word, then a position.
    /// </summary>
    private static Choice? Find(IReadOnlyList<Choice> choices, JsonValue key)
    {
        var text = RowCells.TextOf(key).Trim();
        var position = int.TryParse(text, CultureInfo.InvariantCulture, out var index) ? choices.ElementAtOrDefault(index) : null;
        var label = text.Trim('(', ')', '.', ' ');
        var labelled = choices.FirstOrDefault(choice => choice.Label.Equals(label, StringComparison.OrdinalIgnoreCase));
        if (key.GetValueKind() == JsonValueKind.Number)
            return labelled ?? position;
        return labelled ?? choices.FirstOrDefault(choice => choice.Text.Trim() == text) ?? position;
    }
}
