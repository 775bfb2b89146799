using System.Globalization;
using System.Runtime.InteropServices;

namespace Lorikeet.Cli.Diagnosis;

/// <summary>What the system says about processor and memory; empty where it says nothing.</summary>
internal static class ProcessorInformation
{
    /// <summary>Model name, or the architecture.</summary>
    public static string Name() => CpuLine("model name") ?? RuntimeInformation.ProcessArchitecture.ToString();

    /// <summary>Bytes that a program could still take, or null where the system does not say.</summary>
    public static double? AvailableMemory()
    {
        const string file = "/proc/meminfo";
        var line = File.Exists(file)
            ? File.ReadLines(file).FirstOrDefault(text => text.StartsWith("MemAvailable:", StringComparison.Ordinal))
            : null;
        var words = line?.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return words is [_, var kibibytes, ..] ? double.Parse(kibibytes, CultureInfo.InvariantCulture) * 1024 : null;
    }

    private static string? CpuLine(string key)
    {
        const string file = "/proc/cpuinfo";
        if (!File.Exists(file))
            return null;
        var line = File.ReadLines(file).FirstOrDefault(text => text.StartsWith(key, StringComparison.Ordinal));
        return line?.Split(':', 2)[1].Trim();
    }
}
