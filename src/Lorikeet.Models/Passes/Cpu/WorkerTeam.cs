using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Lorikeet.Models.Native;

namespace Lorikeet.Models.Passes.Cpu;

/// <summary>Work on a range of rows, as a value that other threads may read: pointers and numbers only.</summary>
internal interface IRangeWork
{
    /// <summary>Does the rows from <paramref name="start"/> up to, not including, <paramref name="end"/>.</summary>
    void Run(int start, int end);
}

/// <summary>
/// Splits ranges over the threads that libtorch's own operations use, so that GEMMs and our kernels never compete for
/// cores, and a call costs microseconds and no managed memory.
/// </summary>
internal static unsafe class WorkerTeam
{
    /// <summary>Elements below which a range is not worth a second thread.</summary>
    private const long SmallestShare = 4096;

    /// <summary>Runs <paramref name="work"/> over rows 0 to <paramref name="rows"/> - 1.</summary>
    /// <param name="work">What to do.</param>
    /// <param name="rows">How many rows.</param>
    /// <param name="cost">Elements a row touches; decides how finely rows are divided.</param>
    public static void Run<TWork>(TWork work, int rows, long cost) where TWork : unmanaged, IRangeWork
    {
        var call = new Call(&Invoke<TWork>, &work);
        var grain = Math.Max(1, SmallestShare / Math.Max(1, cost));
        if (TorchThreads.torch_parallel_for(0, rows, grain, &Enter, &call) != 0)
            throw new InvalidOperationException("libtorch could not run a parallel loop.");
    }

    private static void Invoke<TWork>(void* work, int start, int end) where TWork : unmanaged, IRangeWork =>
        Unsafe.AsRef<TWork>(work).Run(start, end);

    [UnmanagedCallersOnly]
    private static void Enter(long start, long end, void* context)
    {
        var call = (Call*)context;
        call->Function(call->Work, (int)start, (int)end);
    }

    private readonly struct Call(delegate*<void*, int, int, void> function, void* work)
    {
        public readonly delegate*<void*, int, int, void> Function = function;
        public readonly void* Work = work;
    }
}
