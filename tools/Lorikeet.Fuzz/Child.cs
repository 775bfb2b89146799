using System.Diagnostics;
using System.Runtime.InteropServices;
using Lorikeet.Formats;
using Lorikeet.Fuzz.Mutation;

namespace Lorikeet.Fuzz;

/// <summary>Processes that may end badly.</summary>
internal static class Child
{
    private const long Baseline = 96L << 20;

    /// <summary>The folder of the program dotnet that runs this one.</summary>
    public static string DotnetFolder { get; } =
        Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));

    /// <summary>This program in a process of its own; see <see cref="Run(ProcessStartInfo)"/>.</summary>
    public static (int Code, string Output) RunSelf(params IEnumerable<string> arguments) => Run(
        new ProcessStartInfo(
            Path.Combine(DotnetFolder, "dotnet"), [typeof(Child).Assembly.Location, .. arguments]));

    /// <summary>Waits for a process whose managed heap, and that of its children, is bounded by the rule.</summary>
    /// <returns>Its exit code and what it wrote.</returns>
    public static (int Code, string Output) Run(ProcessStartInfo start)
    {
        start.RedirectStandardError = true;
        start.RedirectStandardOutput = true;
        var limit = ReadingLimits.Bytes(Mutator.LargestInput) + Baseline;
        start.Environment["DOTNET_GCHeapHardLimit"] = $"0x{limit:x}";
        start.Environment["DOTNET_DbgEnableMiniDump"] = "0";
        // Others have the other cores; small inputs would cost more in waiting for threads than in reading.
        start.Environment["DOTNET_PROCESSOR_COUNT"] = "1";
        start.Environment["DOTNET_TieredPGO"] = "0";
        // Else each buffer of a reader is a large object, and every few of them a collection of the whole heap.
        start.Environment["DOTNET_GCLOHThreshold"] = "0x100000";
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output.Result + errors);
    }
}
