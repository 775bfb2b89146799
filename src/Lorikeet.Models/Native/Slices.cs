using System.Runtime.ExceptionServices;

namespace Lorikeet.Models.Native;

/// <summary>Work on many things in a row, cut into slices that several threads take.</summary>
internal static class Slices
{
    /// <summary>
    /// Bytes of a slice that is copied: large enough to make a call cheap, small enough for a core's cache.
    /// </summary>
    public const int Bytes = 2 << 20;

    /// <summary>
    /// Calls <paramref name="work"/> with (offset, length) of each slice; the first fault of any is thrown.
    /// </summary>
    /// <param name="count">How many things; a single slice stays on this thread.</param>
    /// <param name="size">How many a slice has; the last one may have fewer.</param>
    /// <param name="work">Safe to call from several threads.</param>
    /// <param name="threads">Threads at most; -1 for all cores.</param>
    public static void ForEach(long count, int size, Action<long, int> work, int threads = -1)
    {
        if (count <= size)
        {
            if (count > 0)
                work(0, (int)count);
            return;
        }

        try
        {
            var options = new ParallelOptions { MaxDegreeOfParallelism = threads };
            Parallel.For(0L, (count + size - 1) / size, options, slice =>
                work(slice * size, (int)Math.Min(size, count - slice * size)));
        }
        catch (AggregateException faults)
        {
            ExceptionDispatchInfo.Throw(faults.InnerExceptions[0]);
        }
    }
}
