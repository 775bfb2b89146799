using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Cli.Diagnosis;

/// <summary>What the system says about processor and memory; empty where it says nothing.</summary>
internal static class ProcessorInformation
{
    private static readonly string[] s_interesting = ["avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "asimd", "bf16", "sve"];

    /// <summary>Model name, or the architecture.</summary>
    public static string Name() => CpuLine("model name") ?? RuntimeInformation.ProcessArchitecture.ToString();

    /// <summary>Instruction sets that decide how fast a model computes.</summary>
    public static IReadOnlyList<string> Features()
    {
        if ((CpuLine("flags") ?? CpuLine("Features")) is { } flags)
            return [.. flags.Split(' ').Intersect(s_interesting)];
        var known = new List<string>();
        if (Avx2.IsSupported) known.Add("avx2");
        if (Avx512F.IsSupported) known.Add("avx512f");
        return known;
    }

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
        if (!File.Exists(file)) return null;
        var line = File.ReadLines(file).FirstOrDefault(text => text.StartsWith(key, StringComparison.Ordinal));
        return line?.Split(':', 2)[1].Trim();
    }
}
