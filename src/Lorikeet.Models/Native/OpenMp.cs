namespace Lorikeet.Models.Native;

/// <summary>How libtorch's worker threads wait for each other.</summary>
internal static class OpenMp
{
    // Pauses of 25 nanoseconds on the CPU that was measured, so 10 microseconds of spinning. GNU OpenMP's default is
    // milliseconds: where another process has the core, every one of the thousands of small operations of a step then
    // waits for a whole time slice.
    private const string SpinCount = "400";

    /// <summary>
    /// Lets waiting threads sleep soon, unless the user decided otherwise. Must come before libgomp is loaded, which
    /// reads the process environment once.
    /// </summary>
    public static void PreferSleeping()
    {
        if (!OperatingSystem.IsLinux())
            return;
        if (Environment.GetEnvironmentVariable("OMP_WAIT_POLICY") is null)
            NativeEnvironment.SetUnlessSet("GOMP_SPINCOUNT", SpinCount);
    }
}
