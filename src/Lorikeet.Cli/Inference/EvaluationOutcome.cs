using System.Text.Json.Nodes;
using Lorikeet.Models.Evaluation;
using Lorikeet.Runs.Reports;

namespace Lorikeet.Cli.Inference;

/// <summary>A model's scores, perhaps beside those of its base, in the forms in which they are given out.</summary>
/// <param name="Scores">Of the model as it was asked for.</param>
/// <param name="Base">Of the model without its adapter; null when that was not measured.</param>
internal sealed record EvaluationOutcome(AnswerScores Scores, AnswerScores? Base)
{
    /// <summary>
    /// One object: <c>questions</c>; <c>exact_match</c>, <c>f1</c> and <c>rouge_l</c> in percent, as SQuAD's script
    /// prints them; <c>perplexity</c> and <c>loss</c> per answer token; and the same of the base under <c>base</c>.
    /// </summary>
    public JsonObject ToJson(string model, string? adapter)
    {
        var outcome = new JsonObject { ["model"] = model, ["adapter"] = adapter, ["questions"] = Scores.Answers.Count };
        foreach (var (name, value) in Figures(Scores))
            outcome[name] = value;
        if (Base is not null)
            outcome["base"] = new JsonObject(Figures(Base));
        return outcome;
    }

    /// <summary>Scores as rows of a table.</summary>
    public IReadOnlyList<ComparedScore> ToTable()
    {
        var rows = new List<ComparedScore>();
        Add("Exact match", scores => scores.ExactMatch, ScoreKind.Share);
        Add("F1", scores => scores.F1, ScoreKind.Share);
        Add("ROUGE-L", scores => scores.RougeL, ScoreKind.Share);
        Add("Perplexity of the answers", scores => scores.Perplexity, ScoreKind.Cost);
        return rows;

        void Add(string name, Func<AnswerScores, double?> read, ScoreKind kind)
        {
            if (read(Scores) is { } value)
                rows.Add(new ComparedScore(name, Base is null ? null : read(Base), value, kind));
        }
    }

    /// <summary>The first answers, for a table.</summary>
    public IReadOnlyList<ComparedAnswer> Shown(int count) =>
    [
        .. Scores.Answers.Take(count).Select((answer, i) => new ComparedAnswer(
            answer.Question.Text, answer.Question.Answers[0], Base?.Answers[i].Text ?? "", answer.Text,
            Base?.Answers[i].ExactMatch, answer.ExactMatch)),
    ];

    /// <summary>Every answer as a line of JSON, in the order of the data.</summary>
    /// <param name="adapter">Whose answers they are, where there are several adapters.</param>
    public IEnumerable<string> ToLines(string? adapter = null) => Scores.Answers.Select((answer, i) =>
    {
        var line = new JsonObject
        {
            ["question"] = answer.Question.Text,
            ["prompt"] = answer.Question.Prompt,
            ["answers"] = JsonText.Texts(answer.Question.Answers),
        };
        if (adapter is not null)
            line["adapter"] = adapter;
        foreach (var (name, value) in Judged(answer, ""))
            line[name] = value;
        if (Base is not null)
            foreach (var (name, value) in Judged(Base.Answers[i], "base_"))
                line[name] = value;
        return JsonText.Line(line);
    });

    private static Dictionary<string, JsonNode?> Judged(ScoredAnswer answer, string prefix) => new()
    {
        [prefix + "prediction"] = answer.Text,
        [prefix + "exact_match"] = answer.ExactMatch,
        [prefix + "f1"] = answer.F1,
        [prefix + "rouge_l"] = answer.RougeL,
    };

    private static Dictionary<string, JsonNode?> Figures(AnswerScores scores) => new()
    {
        ["exact_match"] = 100 * scores.ExactMatch,
        ["f1"] = 100 * scores.F1,
        ["rouge_l"] = 100 * scores.RougeL,
        ["perplexity"] = scores.Perplexity,
        ["loss"] = scores.Loss,
        ["answer_tokens"] = scores.Targets,
        ["seconds"] = scores.Seconds,
    };
}
