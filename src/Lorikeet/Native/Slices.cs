using System.Runtime.ExceptionServices;

namespace Lorikeet.Native;

/// <summary>Work on a stretch of bytes, cut into slices that several threads take.</summary>
internal static class Slices
{
    /// <summary>Large enough to make a system call cheap, small enough for a core's cache.</summary>
    public const int Size = 2 << 20;

    /// <summary>Calls <paramref name="work"/> with (offset, length) of each slice; the first fault of any is thrown.</summary>
    /// <param name="count">Bytes; a stretch of one slice stays on this thread.</param>
    /// <param name="work">Safe to call from several threads.</param>
    /// <param name="threads">Threads at most; -1 for all cores.</param>
    public static void ForEach(long count, Action<long, int> work, int threads = -1)
    {
        if (count <= Size)
        {
            if (count > 0) work(0, (int)count);
            return;
        }

        try
        {
            var options = new ParallelOptions { MaxDegreeOfParallelism = threads };
            Parallel.For(0L, (count + Size - 1) / Size, options, slice =>
                work(slice * Size, (int)Math.Min(Size, count - slice * Size)));
        }
        catch (AggregateException faults)
        {
            ExceptionDispatchInfo.Throw(faults.InnerExceptions[0]);
        }
    }
}
