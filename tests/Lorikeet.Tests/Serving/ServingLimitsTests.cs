using Lorikeet.Models.Generation;
using Lorikeet.Serving;
using Lorikeet.Tests.Library;

namespace Lorikeet.Tests.Serving;

/// <summary>A host that is full, left, drained or disposed.</summary>
public sealed class ServingLimitsTests : IAsyncLifetime
{
    private readonly LanguageModel _model = TrainedModel.Load();
    private ModelHost _host = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        _host = ModelHost.Start(_model, Asking.Small with { MaxSequences = 1, MaxQueue = 1 });
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        _model.Dispose();
    }

    [Fact]
    public async Task FullQueue_Refuses_AndACancelledAnswerMakesRoom()
    {
        using var stop = new CancellationTokenSource();
        var first = _host.Chat(Endless(), stop.Token).GetAsyncEnumerator(Cancellation);
        Assert.True(await first.MoveNextAsync());
        var second = _host.Ask(Asking.Of("Who?"), Cancellation);
        SpinWait.SpinUntil(() => _host.Statistics.Queued == 1);

        await Assert.ThrowsAsync<EngineBusyException>(() => _host.Ask(Asking.Of("Who?"), Cancellation));
        Assert.False(second.IsCompleted);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            while (await first.MoveNextAsync())
            { }
        });
        Assert.Equal(_model.Answer("Who?", new() { MaxNewTokens = 12 }), (await second).Text);
    }

    [Fact]
    public async Task EnumerationLeftEarly_MakesRoom()
    {
        await foreach (var _ in _host.Chat(Endless(), Cancellation))
            break;

        Assert.NotEmpty((await _host.Ask(Asking.Of("Who?"), Cancellation)).Text);
    }

    [Fact]
    public async Task DrainedHost_FinishesWhatItBegan_AndTakesNoMore()
    {
        var answer = _host.Chat(Asking.Of("Who?"), Cancellation).GetAsyncEnumerator(Cancellation);
        Assert.True(await answer.MoveNextAsync());
        var text = answer.Current.Text;
        var drained = _host.Drain(Cancellation);

        await Assert.ThrowsAsync<EngineBusyException>(() => _host.Ask(Asking.Of("Who?"), Cancellation));
        while (await answer.MoveNextAsync())
            text += answer.Current.Text;
        await drained;
        Assert.Equal(_model.Answer("Who?", new() { MaxNewTokens = 12 }), text);
    }

    [Fact]
    public async Task DisposedHost_EndsItsAnswers_AndLeavesTheModel()
    {
        var answer = _host.Chat(Endless(), Cancellation).GetAsyncEnumerator(Cancellation);
        Assert.True(await answer.MoveNextAsync());
        await _host.DisposeAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            while (await answer.MoveNextAsync())
            { }
        });
        Assert.NotEmpty(_model.Answer("Who?", new() { MaxNewTokens = 12 }));
        await using var again = ModelHost.Start(_model, Asking.Small);
        Assert.NotEmpty((await again.Ask(Asking.Of("Who?"), Cancellation)).Text);
    }

    private static ChatRequest Endless() => Asking.Of("Who?", tokens: 100) with { IgnoreEnd = true };
}
