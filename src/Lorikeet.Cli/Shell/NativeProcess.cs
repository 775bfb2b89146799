using System.Runtime.InteropServices;

namespace Lorikeet.Cli.Shell;

/// <summary>Ends this process as the operating system does it.</summary>
internal static partial class NativeProcess
{
    private const int SignalOfInterrupt = 2, SignalOfTermination = 15;

    private static readonly nint s_thisProcess = -1; // the pseudo handle of Windows

    /// <summary>
    /// Ends the process at once. <see cref="Environment.Exit"/> would run libtorch's destructors while other threads
    /// still compute with what they destroy, which aborts the process.
    /// </summary>
    /// <param name="code">The exit code.</param>
    public static void Leave(int code)
    {
        if (OperatingSystem.IsWindows())
            TerminateProcess(s_thisProcess, (uint)code);
        else
            LeaveUnix(code);
    }

    /// <summary>Sends another process what Ctrl+C sends; false where there is none.</summary>
    public static bool Interrupt(int process) => Signal(process, SignalOfInterrupt) == 0;

    /// <summary>Asks another process to end; false where there is none.</summary>
    public static bool Terminate(int process) => Signal(process, SignalOfTermination) == 0;

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int process, int signal);

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void LeaveUnix(int code);

    [LibraryImport("kernel32")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool TerminateProcess(nint process, uint code);
}
