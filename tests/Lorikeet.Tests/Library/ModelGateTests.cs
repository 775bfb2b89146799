using System.Collections.Concurrent;

namespace Lorikeet.Tests.Library;

public sealed class ModelGateTests
{
    private readonly ModelGate _gate = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Callers_ComeInTheirOrder()
    {
        var order = new ConcurrentQueue<int>();
        var first = _gate.Enter(Cancellation);
        var others = new List<Task>();
        for (var i = 0; i < 4; i++)
        {
            var number = i;
            others.Add(Task.Run(() =>
            {
                using var pass = number % 2 == 0 ? _gate.Enter(Cancellation) : _gate.Share(Cancellation);
                order.Enqueue(number);
            }, Cancellation));
            SpinWait.SpinUntil(() => _gate.Waiting == number + 1);
        }

        first.Dispose();
        await Task.WhenAll(others);
        Assert.Equal([0, 1, 2, 3], order);
    }

    [Fact]
    public async Task Reservation_RefusesThoseWhoWait_AndGivesTurnsToShortOnes()
    {
        var first = _gate.Enter(Cancellation);
        var reserving = Task.Run(() => _gate.Reserve("is busy", givesTurns: true), Cancellation);
        SpinWait.SpinUntil(() => _gate.Waiting == 1);
        var entering = Task.Run(() => _gate.Enter(Cancellation), Cancellation);
        SpinWait.SpinUntil(() => _gate.Waiting == 2);
        first.Dispose();
        using (await reserving)
        {
            await Assert.ThrowsAsync<InvalidOperationException>(() => entering);
            var turns = 0;
            var sharing = Task.Run(() =>
            {
                for (; turns < 3; turns++)
                    _gate.Share(Cancellation).Dispose();
            }, Cancellation);
            SpinWait.SpinUntil(() => _gate.Waiting == 1);
            Assert.Equal(0, turns);
            while (!sharing.IsCompleted)
                _gate.GiveTurns(TimeSpan.Zero);
            Assert.Equal(3, turns);
        }

        _gate.Enter(Cancellation).Dispose();
    }

    [Fact]
    public void Turns_AreOverAtOnceWhereNobodyWaits()
    {
        using var reservation = _gate.Reserve("is busy", givesTurns: true);

        _gate.GiveTurns(TimeSpan.FromHours(1));
        Assert.Equal(0, _gate.Waiting);
    }

    [Fact]
    public async Task CancelledCaller_LeavesTheQueue()
    {
        using var stop = new CancellationTokenSource();
        using var first = _gate.Enter(Cancellation);
        var waiting = Task.Run(() => _gate.Enter(stop.Token), Cancellation);
        SpinWait.SpinUntil(() => _gate.Waiting == 1);
        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        Assert.Equal(0, _gate.Waiting);
    }

    [Fact]
    public async Task ClosedGate_RefusesThoseWhoWaited()
    {
        var first = _gate.Enter(Cancellation);
        var closing = Task.Run(_gate.TryClose, Cancellation);
        SpinWait.SpinUntil(() => _gate.Waiting == 1);
        var waiting = Task.Run(() => _gate.Enter(Cancellation), Cancellation);
        SpinWait.SpinUntil(() => _gate.Waiting == 2);
        first.Dispose();

        Assert.True(await closing);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting);
        Assert.False(_gate.TryClose());
    }
}
