using System.Diagnostics;
using Lorikeet.Data;
using Lorikeet.Data.Batches;
using Lorikeet.Data.Datasets;
using Lorikeet.Data.Encoded;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Passes;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Models.Evaluation;

/// <summary>Asks a model questions and compares its answers with the known ones.</summary>
/// <param name="model">
/// The model; to measure its base, take the adapter off meanwhile (<see cref="DecoderModel.WithoutAdapter"/>).
/// </param>
/// <param name="tokenizer">The model's tokenizer; null when the data is tokens, which gives a perplexity only.</param>
public sealed class AnswerEvaluator(DecoderModel model, Tokenizer? tokenizer)
{
    // Answers may be twice as long as the longest known one: what is longer still cannot match it.
    private const int LengthAllowance = 2;
    private const int ShortestLimit = 16;

    /// <summary>Tokens that are scored in one pass.</summary>
    private const int TokensPerPass = 4096;

    /// <summary>Measures the model on a set.</summary>
    /// <param name="set">Questions and rows.</param>
    /// <param name="options">
    /// How to answer; the format's stop strings are added. Without max_new_tokens, twice the longest known answer.
    /// </param>
    /// <param name="cancellation">Ends the measurement.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public AnswerScores Evaluate(EvaluationSet set, GenerationOptions options, CancellationToken cancellation = default)
    {
        var clock = Stopwatch.StartNew();
        var (answers, tokens) = Answer(set, options, cancellation);
        var (loss, targets) = Score(set.Rows, cancellation);
        return new AnswerScores(answers, loss / targets, targets, tokens, clock.Elapsed.TotalSeconds);
    }

    private (ScoredAnswer[] Answers, long Tokens) Answer(
        EvaluationSet set, GenerationOptions options, CancellationToken cancellation)
    {
        var questions = set.Questions.Where(question => question.Answers.Count > 0).ToArray();
        if (tokenizer is null || questions.Length == 0)
            return ([], 0);
        options = options with
        {
            StopStrings = [.. options.StopStrings.Union(set.Format.StopStrings)],
            MaxNewTokens = options.MaxNewTokens ?? LimitFor(questions),
        };
        var result = new TextGenerator(model, tokenizer)
            .Generate([.. questions.Select(question => question.PromptIds)], options, cancellation);
        cancellation.ThrowIfCancellationRequested();
        return ([.. questions.Zip(result.Continuations, (question, answer) => Compare(question, answer.Text!.Trim()))],
            result.Tokens);
    }

    private int LimitFor(Question[] questions)
    {
        var longest = questions.SelectMany(question => question.Answers)
            .Max(answer => tokenizer!.Encode(answer, false).Length);
        return Math.Clamp(LengthAllowance * longest, ShortestLimit, GenerationOptions.DefaultMaxNewTokens);
    }

    private static ScoredAnswer Compare(Question question, string text) => new(
        question, text, SquadMetrics.ExactMatch(text, question.Answers), SquadMetrics.F1(text, question.Answers),
        RougeL.Score(text, question.Answers).FMeasure);

    private (double SummedLoss, long Targets) Score(IReadOnlyList<TrainingRow> rows, CancellationToken cancellation)
    {
        var (loss, targets) = (0.0, 0L);
        var ordered = rows.OrderBy(row => row.Length).ToArray();
        for (var first = 0; first < ordered.Length;)
        {
            cancellation.ThrowIfCancellationRequested();
            var (count, tokens) = (1, ordered[first].Length);
            while (first + count < ordered.Length && (tokens += ordered[first + count].Length) <= TokensPerPass)
                count++;
            var batch = Batch.FromRows(ordered[first..(first + count)]);
            loss += TrainingPass.Evaluate(model, batch);
            targets += batch.TargetCount;
            first += count;
        }

        return (loss, targets);
    }
}
