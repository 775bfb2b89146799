using System.Runtime.CompilerServices;
using Lorikeet.Models.Native;

namespace Lorikeet.Cli.Tests;

/// <summary>
/// libtorch's worker threads, here and in the processes that tests start, sleep while they wait for each other. Those
/// that spin take the processor from the thread they wait for: beside other suites a run then takes minutes.
/// </summary>
internal static class SleepingThreads
{
    private const string WaitPolicy = "OMP_WAIT_POLICY";

    [ModuleInitializer]
    internal static void BeforeAnyTest()
    {
        if (Environment.GetEnvironmentVariable(WaitPolicy) is not null)
            return;
        Environment.SetEnvironmentVariable(WaitPolicy, "passive"); // processes inherit it
        NativeEnvironment.SetUnlessSet(WaitPolicy, "passive"); // libgomp reads it
    }
}
