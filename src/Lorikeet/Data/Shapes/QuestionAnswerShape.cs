using System.Text.Json;
using System.Text.Json.Nodes;
using Lorikeet.Options;

namespace Lorikeet.Data.Shapes;

/// <summary>Questions with answers, perhaps about a passage: SQuAD, BoolQ, GSM8K, TruthfulQA ...</summary>
internal sealed class QuestionAnswerShape : RowShape
{
    /// <summary>What is learned for a question that its passage does not answer.</summary>
    public const string Unanswerable = "unanswerable";

    private static readonly Column Question = new("question");
    private static readonly Column Answers = new("answers", "answer", "best_answer", "correct_answer");
    private static readonly Column Context = new("context", "passage", "paragraph", "story") { IsOptional = true };
    private static readonly Column Impossible = new("is_impossible") { IsOptional = true };

    public override DatasetShape Kind => DatasetShape.QuestionAnswer;

    public override string Description =>
        "questions, perhaps about a passage, with their answers (SQuAD); the first answer is learned";

    public override IReadOnlyList<Column> Columns => [Question, Answers, Context, Impossible];

    public override PromptStyle StyleOf(RowCells row) =>
        row.Has(Context) ? PromptStyle.Reading : PromptStyle.Conversation;

    public override Example Read(RowCells row)
    {
        var question = row.Text(Question);
        if (string.IsNullOrWhiteSpace(question))
            return new SkippedExample("no question");

        var context = row.Text(Context);
        var answers = AnswersOf(row);
        if (answers.Count == 0)
        {
            if (row[Answers] is not (JsonArray or JsonObject) || context is null)
                return new SkippedExample("no answer");
            answers = [Unanswerable];
        }

        var message = ConversationExample.Message("user", context is null ? question : $"{context}\n\n{question}");
        if (context is not null)
        {
            message["question"] = question;
            message["context"] = context;
        }
        return ConversationExample.Of(message, answers[0]) with { Answers = answers };
    }

    private static IReadOnlyList<string> AnswersOf(RowCells row)
    {
        if (row[Impossible] is JsonValue impossible && impossible.GetValueKind() == JsonValueKind.True)
            return [Unanswerable];
        var texts = row[Answers] switch
        {
            JsonArray list => list.Select(item => item is JsonObject answer ? answer["text"] : item),
            JsonObject answers when answers["text"] is JsonArray list => list,
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
