using Lorikeet.Models.Lora;
using Lorikeet.Testing;

namespace Lorikeet.Tests.Library;

public sealed class LanguageModelTests : IDisposable
{
    private readonly LanguageModel _model = TrainedModel.Load();

    public void Dispose() => _model.Dispose();

    [Fact]
    public async Task Stream_IsTheAnswer()
    {
        var pieces = new List<string>();
        await foreach (var piece in _model.AnswerStream(
            TrainedModel.Question, new() { MaxNewTokens = 8 }, TestContext.Current.CancellationToken))
            pieces.Add(piece);

        Assert.Equal(TrainedModel.Answer(_model), string.Concat(pieces).Trim());
    }

    [Fact]
    public async Task StreamLeftEarly_LeavesTheModelFree()
    {
        await foreach (var _ in _model.AnswerStream(
            TrainedModel.Question, new() { MaxNewTokens = 500, EndTokens = [0] },
            TestContext.Current.CancellationToken))
        {
            // Another question while the first is being answered waits for it.
            break;
        }

        Assert.NotNull(TrainedModel.Answer(_model));
    }

    [Fact]
    public async Task SeveralThreads_GetTheAnswersOfOne()
    {
        string[] questions = [TrainedModel.Question, "Who?", "Where is Jaipur?", "What is zinc?"];
        var alone = questions.Select(Ask).ToList();
        var together = await Task.WhenAll(questions.Select(question => Task.Run(() => Ask(question))));

        Assert.Equal(alone, together);
        Assert.Equal(alone, _model.Answer(questions, new() { MaxNewTokens = 8 }));

        string Ask(string question) => _model.Answer(question, new() { MaxNewTokens = 8 });
    }

    [Fact]
    public void TwoModels_AreIndependent()
    {
        using var other = TrainedModel.Load();
        var before = TrainedModel.Answer(_model);
        using var folder = new TemporaryFolder();
        using var data = TrainedModel.Data();
        using (var run = new TrainingRun(folder["run"], other, data, TrainedModel.Options()))
            run.Train();

        Assert.Equal(before, TrainedModel.Answer(_model));
        Assert.Empty(_model.Adapters.Names);
    }

    [Fact]
    public void Conversation_ReachesTheModelInItsFormat()
    {
        var answer = _model.Ask(
            [new("user", "Hello"), new("assistant", "Hi"), new("user", "Who?")], new() { MaxNewTokens = 4 });

        var text = _model.Tokenizer!.Decode([.. answer.PromptIds], skipSpecialTokens: true);
        Assert.Equal("### Human: Hello ### Assistant: Hi ### Human: Who? ### Assistant:", text.Trim());
    }

    [Fact]
    public void Evaluation_ScoresTheQuestionsOfADataset()
    {
        using var data = Dataset.Load(TrainedModel.Rows, new() { MaxTrainRows = 4 });
        var scores = _model.Evaluate(data, cancellation: TestContext.Current.CancellationToken);

        Assert.Equal(4, scores.Answers.Count);
        Assert.InRange(scores.Perplexity, 1, 1e6);
    }

    [Fact]
    public void DisposedModel_SaysSo()
    {
        var model = TrainedModel.Load();
        model.Dispose();
        model.Dispose();

        Assert.Throws<ObjectDisposedException>(() => model.Answer("Who?"));
    }

    [Fact]
    public void ModelWithoutAName_IsRefused() =>
        Assert.Contains("as 'model'", Assert.Throws<ConfigurationException>(() => LanguageModel.Load("")).Message);
}
