using Lorikeet.Server.Access;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server.Tests;

/// <summary>Who waits at the door.</summary>
public sealed class AdmissionTests
{
    private const long Large = 1 << 20;

    [Fact]
    public async Task LargeRequests_TakeTurns_AndSmallOnesDoNotWait()
    {
        using var admission = new Admission(TimeProvider.System, TimeSpan.FromMinutes(5));
        using var done = new ManualResetEventSlim();
        var cancellation = TestContext.Current.CancellationToken;
        var turns = Math.Max(1, Environment.ProcessorCount - 1);
        using var begun = new CountdownEvent(turns);
        var encoding = Enumerable.Range(0, turns).Select(_ => Task.Factory.StartNew(
            () => Encode(Large, () =>
            {
                begun.Signal();
                done.Wait(cancellation);
                return 1;
            }), cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap()).ToList();
        begun.Wait(cancellation);

        var waiting = Encode(Large, () => 2);
        var chunked = Encode(null, () => 3);
        using var left = new CancellationTokenSource();
        var leaving = Encode(Large, () => 4, left.Token);
        Assert.Equal(5, await Encode(100, () => 5));
        await left.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving);
        Assert.False(waiting.IsCompleted);
        Assert.False(chunked.IsCompleted);

        done.Set();
        Assert.Equal([1, 2, 3], (await Task.WhenAll([.. encoding, waiting, chunked])).Distinct());

        async Task<int> Encode(long? length, Func<int> encode, CancellationToken aborted = default)
        {
            var context = new DefaultHttpContext { RequestAborted = aborted };
            context.Request.ContentLength = length;
            using var visit = admission.Enter(context);
            return await admission.Encode(context, encode);
        }
    }
}
