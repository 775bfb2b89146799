using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Lorikeet.Testing;

/// <summary>
/// libtorch's worker threads, here and in the processes that tests start, sleep while they wait for each other. Those
/// that spin take the processor from the thread they wait for: beside other suites a run then takes minutes.
/// </summary>
internal static partial class SleepingThreads
{
    private const string WaitPolicy = "OMP_WAIT_POLICY";

    [ModuleInitializer]
    internal static void BeforeAnyTest()
    {
        if (!OperatingSystem.IsLinux() || Environment.GetEnvironmentVariable(WaitPolicy) is not null)
            return;
        Environment.SetEnvironmentVariable(WaitPolicy, "passive"); // processes inherit it
        _ = SetEnvironment(WaitPolicy, "passive", 1); // libgomp reads it
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}
