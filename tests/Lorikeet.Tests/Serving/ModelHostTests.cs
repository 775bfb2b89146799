using Lorikeet.Data;
using Lorikeet.Models.Generation;
using Lorikeet.Serving;
using Lorikeet.Tests.Library;

namespace Lorikeet.Tests.Serving;

public sealed class ModelHostTests : IAsyncLifetime
{
    private static readonly string[] s_questions =
    [
        TrainedModel.Question, "Who?", "Thủ đô của Việt Nam là gì?", "What is zinc?", "Where is Jaipur?",
        "Số nguyên tử của sắt là bao nhiêu?", "Which element has the symbol Tb?",
    ];

    private readonly LanguageModel _model = TrainedModel.Load();
    private ModelHost _host = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        _host = ModelHost.Start(_model, Asking.Small);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        _model.Dispose();
    }

    [Fact]
    public async Task ManyAtOnce_AreAnsweredAsOneAfterTheOther()
    {
        var alone = s_questions.Select(question => _model.Answer(question, new() { MaxNewTokens = 12 })).ToList();
        var together = await Task.WhenAll(
            s_questions.Select(question => _host.Ask(Asking.Of(question), Cancellation)));

        Assert.Equal(alone, together.Select(answer => answer.Text));
        Assert.All(together, answer => Assert.True(answer.Usage is { PromptTokens: > 0, CompletionTokens: <= 12 }));
    }

    [Fact]
    public async Task Conversation_IsAnsweredAsTheModelDoes()
    {
        ChatMessage[] messages = [new("user", "Hello"), new("assistant", "Hi"), new("user", "Who?")];
        var alone = _model.Ask(messages, new() { MaxNewTokens = 8 });
        var request = new ChatRequest { Messages = messages, Generation = new() { MaxNewTokens = 8 } };

        Assert.Equal(alone.PromptIds, _host.Tokenize(request));
        Assert.Equal(alone.Text!.Trim(), (await _host.Ask(request, Cancellation)).Text);
    }

    [Fact]
    public async Task Text_ComesInWholeCharacters()
    {
        var answer = await _host.Ask(Asking.Of("Hà Nội là", tokens: 40), Cancellation);

        Assert.True(answer.Pieces.Count > 2);
        Assert.All(answer.Pieces, piece => Assert.DoesNotContain('\uFFFD', piece.Text));
    }

    [Fact]
    public async Task Model_IsUsedBesideTheHostByTurns()
    {
        var asked = _host.Ask(Asking.Of("Where is Jaipur?", tokens: 60), Cancellation);
        var beside = _model.Answer("Who?", new() { MaxNewTokens = 12 });

        Assert.Equal(beside, (await _host.Ask(Asking.Of("Who?"), Cancellation)).Text);
        Assert.NotEmpty((await asked).Text);
    }

    [Fact]
    public async Task SeveralAnswers_AreDrawnFromTheirOwnNumbers()
    {
        var request = Asking.Of("Who?") with
        {
            Answers = 3,
            Generation = new() { MaxNewTokens = 12, Sample = true, Temperature = 1.5 },
        };
        var answers = await _host.AskAll(request, Cancellation);
        var again = await _host.AskAll(request, Cancellation);

        Assert.Equal(3, answers.Select(answer => answer.Text).Distinct().Count());
        Assert.Equal(answers.Select(answer => answer.Text), again.Select(answer => answer.Text));
        Assert.Equal(
            answers.Sum(answer => answer.Pieces.Sum(piece => piece.Tokens.Count)), answers[0].Usage.CompletionTokens);
    }

    [Fact]
    public async Task Completion_GoesOnFromText_AndEchoes()
    {
        var request = new CompletionRequest
        {
            Prompt = "The element terbium",
            Echo = true,
            TopLogProbabilities = 2,
            Generation = new() { MaxNewTokens = 8 },
        };
        var pieces = new List<CompletionPiece>();
        await foreach (var piece in _host.Complete(request, Cancellation))
            pieces.Add(piece);

        var ids = _host.Tokenize(request.Prompt);
        var expected = new TextGenerator(_model.Decoder, _model.Tokenizer)
            .Generate([ids], new() { MaxNewTokens = 8, EndTokens = _model.GenerationDefaults.EndTokens }, Cancellation)
            .Continuations[0];
        Assert.Equal(request.Prompt + expected.Text, string.Concat(pieces.Select(piece => piece.Text)));
        Assert.Equal(expected.OutputIds, pieces.SelectMany(piece => piece.Tokens).Select(token => token.Id));
        Assert.Equal(ids[1..], pieces[0].Prompt!.Select(token => token.Id));
        Assert.All(pieces.SelectMany(piece => piece.Tokens), token => Assert.Equal(2, token.Top.Count));
    }

    [Fact]
    public void Suffix_IsRefused() => Assert.Contains("suffix", Assert.Throws<ConfigurationException>(
        () => _host.Complete(new() { Prompt = "a", Suffix = "b" })).Message);

    [Fact]
    public void TooLong_IsRefusedWithTheCounts()
    {
        var error = Assert.Throws<ContextLengthException>(() => _host.Chat(Asking.Of("Who?", tokens: 500)));

        Assert.Equal((500, 128), (error.NewTokens, error.MaxLength));
        Assert.Equal(_host.Tokenize(Asking.Of("Who?")).Length, error.PromptTokens);
    }

    [Fact]
    public void UnknownModel_IsRefusedWithThoseThatAreServed() => Assert.Contains(
        "'nano-base'", Assert.Throws<UnknownModelException>(() => _host.Chat(Asking.Of("Who?", "gpt-4"))).Message);

    [Fact]
    public void Base_HasTheNamesItWasLoadedBy()
    {
        Assert.Equal("nano-base", _host.Default.Name);
        Assert.Equal(_host.Default, _host.Find("base"));
        Assert.Equal(_host.Default, _host.Find(TrainedModel.Folder));
    }

    [Fact]
    public void SecondHost_IsRefused() =>
        Assert.Throws<InvalidOperationException>(() => ModelHost.Start(_model, Asking.Small));
}
