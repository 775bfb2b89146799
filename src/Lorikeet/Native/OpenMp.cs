using System.Runtime.InteropServices;

namespace Lorikeet.Native;

/// <summary>How libtorch's worker threads wait for each other.</summary>
internal static class OpenMp
{
    // About 10 microseconds of spinning. GNU OpenMP's default is milliseconds: where another process has the core, every
    // one of the thousands of small operations of a step then waits for a whole time slice.
    private const string SpinCount = "10000";

    /// <summary>
    /// Lets waiting threads sleep soon, unless the user decided otherwise. Must come before libgomp is loaded, which reads
    /// the process environment once; .NET's own setter does not reach that.
    /// </summary>
    public static void PreferSleeping()
    {
        if (!OperatingSystem.IsLinux()) return;
        if (Environment.GetEnvironmentVariable("OMP_WAIT_POLICY") is null)
            _ = setenv("GOMP_SPINCOUNT", SpinCount, 0);
    }

    [DllImport("libc", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern int setenv(string name, string value, int overwrite);
}
