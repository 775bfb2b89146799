using System.Diagnostics;

namespace Lorikeet.Fuzz;

/// <summary>
/// Notices when one input takes too much processor time. Waiting for a busy machine does not count, up to a limit.
/// </summary>
internal sealed class TimeLimit
{
    private static readonly TimeSpan LongestTime = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(2);

    private readonly Action<TimeSpan> _exceeded;

    // Odd while an input is tried, even between two.
    private long _turn;

    /// <param name="exceeded">Hears, on another thread, the time used so far. It is to end the process.</param>
    public TimeLimit(Action<TimeSpan> exceeded)
    {
        _exceeded = exceeded;
        new Thread(Watch) { IsBackground = true }.Start();
    }

    /// <summary>An input begins.</summary>
    public void Begin() => Interlocked.Increment(ref _turn);

    /// <summary>The input is answered.</summary>
    public void End() => Interlocked.Increment(ref _turn);

    private void Watch()
    {
        var (turn, begun, waited) = (0L, TimeSpan.Zero, Stopwatch.StartNew());
        while (true)
        {
            Thread.Sleep(100);
            var current = Interlocked.Read(ref _turn);
            var used = Environment.CpuUsage.TotalTime;
            if (current != turn || current % 2 == 0)
                (turn, begun, waited) = (current, used, Stopwatch.StartNew());
            else if (used - begun > LongestTime || waited.Elapsed > LongestWait)
                _exceeded(used - begun);
        }
    }
}
