using Lorikeet.Server.Protocol;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Lorikeet.Server.Access;

/// <summary>Lets requests in until the server drains, and knows when the last has left.</summary>
/// <param name="clock">Measures how long a request may take.</param>
/// <param name="longest">The time that one request may take.</param>
internal sealed class Admission(TimeProvider clock, TimeSpan longest) : IDisposable
{
    private const long LargeBody = 1 << 16;

    // For those who are ended to say so.
    private static readonly TimeSpan s_leaving = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _ending = new();
    private readonly TaskCompletionSource _empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new();

    // A text takes memory many times its size while it is encoded, and a core; one is left for others.
    private readonly SemaphoreSlim _encoding = new(Math.Max(1, Environment.ProcessorCount - 1));
    private int _inside;

    /// <summary>Whether no more requests are let in.</summary>
    public bool IsDraining { get; private set; }

    /// <summary>Lets a request in, until the result is disposed.</summary>
    /// <exception cref="ApiException">The server drains.</exception>
    public Visit Enter(HttpContext context)
    {
        lock (_lock)
        {
            if (IsDraining)
            {
                throw new ApiException(
                    StatusCodes.Status503ServiceUnavailable, "The server is stopping. Ask another, or this one later.")
                { RetryAfter = TimeSpan.FromSeconds(5) };
            }

            _inside++;
        }

        var visit = new Visit(this, clock, longest, context.RequestAborted, _ending.Token);
        context.Features.Set(visit);
        return visit;
    }

    /// <summary>
    /// Cancelled when the client of a request leaves, its time is over, or the server will wait no longer.
    /// </summary>
    public static CancellationToken TokenOf(HttpContext context) => context.Features.GetRequiredFeature<Visit>().Token;

    /// <summary>
    /// Encodes what a request asks. Those with large bodies take turns; small ones need not wait for them.
    /// </summary>
    /// <param name="context">The request.</param>
    /// <param name="encode">What is done.</param>
    /// <exception cref="OperationCanceledException">The client left, or its time was over, before its turn.</exception>
    public async Task<T> Encode<T>(HttpContext context, Func<T> encode)
    {
        if (context.Request.ContentLength <= LargeBody)
            return encode();
        await _encoding.WaitAsync(TokenOf(context));
        try
        {
            return encode();
        }
        finally
        {
            _encoding.Release();
        }
    }

    /// <summary>
    /// Lets nobody in from now on, and waits until all have left or the time is over: then they are ended.
    /// </summary>
    /// <param name="patience">How long they may take.</param>
    /// <returns>Whether all left by themselves.</returns>
    public async Task<bool> Drain(TimeSpan patience)
    {
        lock (_lock)
        {
            IsDraining = true;
            if (_inside == 0)
                _empty.TrySetResult();
        }

        try
        {
            await _empty.Task.WaitAsync(patience, clock);
            return true;
        }
        catch (TimeoutException)
        {
            await _ending.CancelAsync();
            await _empty.Task.WaitAsync(s_leaving, clock).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return false;
        }
    }

    public void Dispose()
    {
        _ending.Dispose();
        _encoding.Dispose();
    }

    private void Leave()
    {
        lock (_lock)
        {
            if (--_inside == 0 && IsDraining)
                _empty.TrySetResult();
        }
    }

    /// <summary>One request inside.</summary>
    internal sealed class Visit : IDisposable
    {
        private readonly Admission _admission;
        private readonly CancellationToken _left;
        private readonly CancellationToken _ending;
        private readonly CancellationTokenSource _time;
        private readonly CancellationTokenSource _any;
        private readonly TimeSpan _longest;

        public Visit(
            Admission admission, TimeProvider clock, TimeSpan longest, CancellationToken left, CancellationToken ending)
        {
            (_admission, _left, _ending, _longest) = (admission, left, ending, longest);
            _time = new CancellationTokenSource(longest, clock);
            _any = CancellationTokenSource.CreateLinkedTokenSource(left, ending, _time.Token);
        }

        /// <summary>Cancelled when the client leaves, the time is over, or the server will wait no longer.</summary>
        public CancellationToken Token => _any.Token;

        /// <summary>What a cancellation means for the client; null when the client has left.</summary>
        public ApiException? Explain() =>
            _left.IsCancellationRequested ? null
            : _ending.IsCancellationRequested ? new ApiException(
                StatusCodes.Status503ServiceUnavailable, "The server stopped before the answer was complete.")
            : new ApiException(
                StatusCodes.Status504GatewayTimeout,
                FormattableString.Invariant(
                    $"The answer took longer than request_timeout, {_longest.TotalSeconds} seconds. Ask for less."))
            { Code = "request_timeout" };

        public void Dispose()
        {
            _any.Dispose();
            _time.Dispose();
            _admission.Leave();
        }
    }
}
