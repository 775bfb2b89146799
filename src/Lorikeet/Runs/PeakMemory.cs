using System.Diagnostics;

namespace Lorikeet.Runs;

/// <summary>The largest resident memory of this process so far.</summary>
public static class PeakMemory
{
    private static long _largestSeen;

    /// <summary>
    /// Peak in bytes: the kernel's own record where the system keeps one (<c>VmHWM</c> on Linux, the peak working set
    /// on Windows), else the largest value seen at any call.
    /// </summary>
    public static long OfProcess()
    {
        using var process = Process.GetCurrentProcess();
        _largestSeen = Math.Max(_largestSeen, Math.Max(process.PeakWorkingSet64, process.WorkingSet64));
        return _largestSeen;
    }
}
