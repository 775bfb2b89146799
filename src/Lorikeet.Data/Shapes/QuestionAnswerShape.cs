using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Data.Encoded;

namespace Lorikeet.Data.Shapes;

/// <summary>Questions with answers, perhaps about a passage: SQuAD, BoolQ, GSM8K, TriviaQA, TruthfulQA ...</summary>
internal sealed class QuestionAnswerShape : RowShape
{
    /// <summary>What is learned for a question that its passage does not answer.</summary>
    public const string Unanswerable = "unanswerable";

    private static readonly Column Question = new("question");
    private static readonly Column Answers = new("answers", "answer", "best_answer", "correct_answer", "answers_spans");
    private static readonly Column Impossible = new("is_impossible") { IsOptional = true };

    public override DatasetShape Kind => DatasetShape.QuestionAnswer;

    public override string Description =>
        "questions, perhaps about a passage, with their answers (SQuAD); the first answer is learned";

    public override IReadOnlyList<Column> Columns =>
        [Question, Answers, PassageText.Column, Impossible, Column.System, Column.History];

    public override PromptStyle StyleOf(RowCells row) =>
        row.Has(PassageText.Column) ? PromptStyle.Reading : PromptStyle.Conversation;

    /// <summary>Where a question has no answer by design, some files leave the cell empty.</summary>
    public override string? MissingIn(RowCells row) =>
        row[Question] is not null && IsImpossible(row) ? null : base.MissingIn(row);

    public override RowContent Read(RowCells row)
    {
        var question = row.Text(Question);
        if (string.IsNullOrWhiteSpace(question))
            return new SkippedContent("no question");

        var context = PassageText.Of(row);
        var answers = IsImpossible(row) ? [Unanswerable] : AnswersOf(row);
        if (answers.Count == 0)
        {
            if (row[Answers] is not (JsonArray or JsonObject) || context is null)
                return new SkippedContent("no answer");
            answers = [Unanswerable];
        }
        return EarlierTurns.Before(row, ConversationContent.Of(About(question, context), answers[0]))
            with
        { Answers = answers };
    }

    /// <summary>A question, and the passage it is about.</summary>
    public static JsonObject About(string question, string? context)
    {
        var message = ConversationContent.Message("user", context is null ? question : $"{context}\n\n{question}");
        if (context is not null)
        {
            message["question"] = question;
            message["context"] = context;
        }
        return message;
    }

    private static bool IsImpossible(RowCells row) => row.Text(Impossible)?.ToLowerInvariant() is "true" or "1";

    private static IReadOnlyList<string> AnswersOf(RowCells row)
    {
        IEnumerable<JsonNode?> texts = row[Answers] switch
        {
            JsonArray list => list.Select(item => item is JsonObject answer ? answer["text"] ?? answer["value"] : item),
            JsonObject answers when (answers["text"] ?? answers["spans"]) is JsonArray list => list,

            // TriviaQA: the answer, and other ways to write it.
            JsonObject answers when answers["value"] is JsonValue value =>
                (answers["aliases"] as JsonArray ?? []).Prepend(value),
            JsonObject answers => [answers["text"]],
            var single => [single],
        };
        return [.. texts.OfType<JsonValue>().Select(Show).Where(text => !string.IsNullOrWhiteSpace(text)).Distinct()];
    }

    private static string Show(JsonValue value) => value.GetValueKind() switch
    {
        JsonValueKind.True => "yes",
        JsonValueKind.False => "no",
        _ => RowCells.TextOf(value),
    };
}
