using System.Diagnostics;

namespace Lorikeet.Hub.Transport;

/// <summary>Reads from a server with a limit of silence; a few bytes now and then count as silence.</summary>
internal sealed class Patience : IDisposable
{
    private const int Movement = 1 << 10;

    private readonly TimeSpan _limit;
    private readonly CancellationTokenSource _stall;
    private TimeSpan _silence;
    private long _moved;

    /// <param name="limit">The longest silence.</param>
    /// <param name="cancellation">Ends the wait as well.</param>
    public Patience(TimeSpan limit, CancellationToken cancellation)
    {
        _limit = limit;
        _stall = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
    }

    /// <summary>Reads what has come; 0 at the end.</summary>
    /// <exception cref="OperationCanceledException">Nothing came for too long.</exception>
    public async ValueTask<int> ReadAsync(Stream source, Memory<byte> buffer)
    {
        // Only waiting counts, not what is done with the bytes in between.
        _stall.CancelAfter(_limit > _silence ? _limit - _silence : TimeSpan.Zero);
        var began = Stopwatch.GetTimestamp();
        var read = await source.ReadAsync(buffer, _stall.Token).ConfigureAwait(false);
        _stall.CancelAfter(Timeout.InfiniteTimeSpan);
        _silence += Stopwatch.GetElapsedTime(began);
        _moved += read;
        if (_moved >= Movement)
            (_moved, _silence) = (0, TimeSpan.Zero);
        return read;
    }

    public void Dispose() => _stall.Dispose();
}
