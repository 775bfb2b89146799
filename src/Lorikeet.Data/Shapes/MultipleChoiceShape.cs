using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Data.Encoded;

namespace Lorikeet.Data.Shapes;

/// <summary>
/// Questions with choices, as ARC, OpenBookQA, CommonsenseQA, MMLU, MedQA, MedMCQA and SIQA have them.
/// </summary>
/// <param name="firstPosition">The number of the first choice where a key is a position.</param>
internal sealed class MultipleChoiceShape(int firstPosition = 0) : RowShape
{
    private static readonly Column Question = new("question", "question_stem");
    private static readonly Column Key = new(
        "answer_key", "answerkey", "answer_idx", "answer_index", "cop", "answer", "correct", "label", "correct_answer",
        "answers", "gold");

    private static readonly string[] s_siqa = ["answerA", "answerB", "answerC"];

    public override DatasetShape Kind => DatasetShape.QuestionAnswer;

    public override string Description =>
        "questions with choices; the right choice, its letter and its text, is learned";

    /// <summary>
    /// Positions count from 0, unless the columns are those of a dataset that counts from 1, or the rows show that they
    /// do: one names as many as there are choices, and none names 0.
    /// </summary>
    public override RowShape SeenIn(IReadOnlyList<RowCells> sample)
    {
        if (sample.Any(IsSiqa))
            return new MultipleChoiceShape(firstPosition: 1);
        var positions = sample.Select(PositionIn).Where(found => found is not null).ToArray();
        var countsFromOne = positions.All(found => found!.Value.Position > 0)
            && positions.Any(found => found!.Value.Position == found.Value.Choices);
        return countsFromOne ? new MultipleChoiceShape(firstPosition: 1) : this;
    }

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

    public override RowContent Read(RowCells row)
    {
        var question = row.Text(Question);
        var choices = ChoicesOf(row);
        var key = KeyOf(row);
        if (string.IsNullOrWhiteSpace(question) || key is null || IsWithheld(key))
            return new SkippedContent("no question or no answer");

        var right = Find(choices, key)
            ?? throw row.Unexpected(
                Key, $"label, text or position of one of: {string.Join(", ", choices.Select(choice => $"{choice}"))} " +
                "(positions count from " + $"{firstPosition})");
        var content = string.Join('\n', choices.Select(choice => $"{choice}").Prepend(question));
        if (PassageText.Of(row) is { } context)
            content = $"{context}\n\n{content}";
        var example = ConversationContent.Of(ConversationContent.Message("user", content), $"{right}");
        return EarlierTurns.Before(row, example) with { Answers = [$"{right}", right.Label, right.Text] };
    }

    private static IReadOnlyList<Choice> ChoicesOf(RowCells row) =>
        row.Has(ListedChoices.Column) ? ListedChoices.Read(row) : ChoiceColumns.Read(row);

    /// <summary>SIQA: answerA, answerB, answerC, and a label of 1, 2 or 3.</summary>
    private static bool IsSiqa(RowCells row) =>
        row.NameFoundBy(Key) == "label" && ChoiceColumns.Find(row).Select(choice => choice.Name).SequenceEqual(s_siqa);

    /// <summary>
    /// The key of a row that is a position and cannot be anything else, and of how many choices; null else.
    /// </summary>
    private (int Position, int Choices)? PositionIn(RowCells row)
    {
        try
        {
            if (!Fits(row) || MissingIn(row) is not null || KeyOf(row) is not { } key || IsWithheld(key))
                return null;
            var choices = ChoicesOf(row);
            return Named(choices, key) is null && PositionOf(key) is { } position ? (position, choices.Count) : null;
        }
        catch (DatasetException)
        {
            return null; // said when the row is read
        }
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
    /// The choice that a key names. A number is a position, as in MMLU, unless the data itself numbers its choices;
    /// text is a label first, then the choice word for word, then a position.
    /// </summary>
    private Choice? Find(IReadOnlyList<Choice> choices, JsonValue key) =>
        Named(choices, key)
            ?? (PositionOf(key) is { } position ? choices.ElementAtOrDefault(position - firstPosition) : null);

    /// <summary>The choice whose label, or, where the key is text, whose text a key is.</summary>
    private static Choice? Named(IReadOnlyList<Choice> choices, JsonValue key)
    {
        var text = RowCells.TextOf(key).Trim();
        var label = text.Trim('(', ')', '.', ' ');
        var labelled = choices.FirstOrDefault(choice => choice.Label.Equals(label, StringComparison.OrdinalIgnoreCase));
        return labelled is null && key.GetValueKind() != JsonValueKind.Number
            ? choices.FirstOrDefault(choice => choice.Text.Trim() == text)
            : labelled;
    }

    private static int? PositionOf(JsonValue key) =>
        int.TryParse(RowCells.TextOf(key).Trim(), CultureInfo.InvariantCulture, out var position) ? position : null;
}
