using Lorikeet.Data;
using Lorikeet.Data.Datasets;
using Lorikeet.Data.Reading;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Evaluation;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using Lorikeet.Testing;

namespace Lorikeet.Tests.Evaluation;

public sealed class AnswerEvaluatorTests : IDisposable
{
    private readonly LanguageModel _model = LanguageModel.Load(
        Path.Combine(TestAssets.Root, "assets", "nano-base"),
        new() { ComputeType = ComputeType.Float32, Device = "cpu" });

    private readonly GenerationOptions _options = new() { EndTokens = [2], MaxNewTokens = 12 };

    public void Dispose() => _model.Dispose();

    [Fact]
    public void Answers_AreComparedWithTheKnownOnes_QuestionByQuestion()
    {
        var set = Load(20);
        var prompts = set.Questions.Select(question => question.PromptIds).ToArray();
        var stops = _options with { StopStrings = set.Format.StopStrings };
        var said = new TextGenerator(_model.Decoder, _model.Tokenizer).Generate(prompts, stops).Continuations
            .Select(row => row.Text!.Trim()).ToArray();

        // What the model really says is made the right answer of every other question.
        var questions = set.Questions.Select(
            (question, i) => question with { Answers = [i % 2 == 0 ? said[i] : "§ no such words"] });
        var scores = new AnswerEvaluator(_model.Decoder, _model.Tokenizer)
            .Evaluate(new EvaluationSet([.. questions], set.Rows, set.Format), _options);
        Assert.Equal(said, scores.Answers.Select(answer => answer.Text));
        Assert.Equal((0.5, 0.5), (scores.ExactMatch, scores.F1));
        Assert.All(scores.Answers, (answer, i) => Assert.Equal(i % 2 == 0, answer.ExactMatch));
    }

    [Fact]
    public void Perplexity_IsThatOfTheAnswerTokens()
    {
        var set = Load(30);
        var scores = new AnswerEvaluator(_model.Decoder, _model.Tokenizer).Evaluate(set, _options);
        var rows = new Scorer(_model.Decoder).Score([.. set.Rows.Select(row => new RowToScore(row.Ids, row.Labels))]);
        Assert.Equal(rows.Sum(row => row.Targets), scores.Targets);
        Assert.Equal(Math.Exp(rows.Sum(row => row.SummedLoss) / scores.Targets), scores.Perplexity, 0.01);
    }

    [Fact]
    public void Questions_AreAskedAsTrainingRendersThem()
    {
        var set = Load(10);
        Assert.All(set.Questions.Zip(set.Rows), pair =>
            Assert.Equal(pair.Second.Ids[..pair.First.PromptIds.Length], pair.First.PromptIds));
    }

    [Fact]
    public void Cancelling_EndsTheMeasurement()
    {
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        var evaluator = new AnswerEvaluator(_model.Decoder, _model.Tokenizer);
        Assert.Throws<OperationCanceledException>(
            () => { evaluator.Evaluate(Load(3), _options, cancelled.Token); });
    }

    private EvaluationSet Load(int rows) => EvaluationSet.Load(
        new DataOptions
        {
            EvalDatasets = [Path.Combine(TestAssets.Root, "assets", "facts-qa", "eval.jsonl")],
            MaxEvalRows = rows,
        },
        _model.Tokenizer, _model.Decoder.Config.VocabularySize);
}
