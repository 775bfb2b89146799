using System.Runtime.InteropServices;

namespace Lorikeet.Models.Native;

/// <summary>libtorch's own worker threads.</summary>
internal static unsafe class TorchThreads
{
    /// <summary>
    /// Calls a function on parts of a range, on all threads at once; returns when all parts are done.
    /// </summary>
    /// <param name="start">The first number.</param>
    /// <param name="end">The number after the last.</param>
    /// <param name="grain">Fewest numbers of a part.</param>
    /// <param name="function">Takes the first number of its part, the one after its last, and the context.</param>
    /// <param name="context">Handed on.</param>
    /// <returns>0, or libtorch's code of an error.</returns>
    [DllImport("torch_cpu")]
    public static extern int torch_parallel_for(
        long start, long end, long grain, delegate* unmanaged<long, long, void*, void> function, void* context);
}
