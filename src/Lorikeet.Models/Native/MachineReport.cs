using System.Globalization;
using System.Runtime.InteropServices;

namespace Lorikeet.Models.Native;

/// <summary>
/// What the CPU and the system offer that decides how fast a model is, and whether libtorch can be loaded.
/// </summary>
public sealed record MachineReport
{
    private const string MemoryFile = "/proc/meminfo";
    private const string ProcessorFile = "/proc/cpuinfo";

    private MachineReport()
    { }

    /// <summary>The CPU's model name; the architecture where the system says no more.</summary>
    public required string Processor { get; init; }

    /// <summary>
    /// Instruction sets that matter here, under the names that Linux gives them: avx512_bf16, amx_bf16 ...
    /// </summary>
    public required IReadOnlyList<string> ProcessorFeatures { get; init; }

    /// <summary>Whether bfloat16 GEMMs run natively: AVX-512 BF16 or AMX on x86, BF16 on ARM.</summary>
    public required bool HasNativeBFloat16 { get; init; }

    /// <summary>Bytes of memory that a program could still take; null where the system does not say.</summary>
    public required long? AvailableMemory { get; init; }

    /// <summary>
    /// Version of glibc, such as 2.36; null where there is none (musl, Windows, macOS), and then no libtorch for Linux.
    /// </summary>
    public required string? GlibcVersion { get; init; }

    /// <summary>Newest GLIBCXX symbol version of libstdc++, such as 3.4.30; null when it is not found.</summary>
    public required Version? LibStdCppVersion { get; init; }

    /// <summary>Looks at this machine; needs no libtorch.</summary>
    public static MachineReport Read() => new()
    {
        Processor = Field(ProcessorFile, "model name", ':') ?? RuntimeInformation.ProcessArchitecture.ToString(),
        ProcessorFeatures = Native.ProcessorFeatures.Names,
        HasNativeBFloat16 = Native.ProcessorFeatures.HasNativeBFloat16,
        AvailableMemory = Field(MemoryFile, "MemAvailable", ':') is { } text
            ? long.Parse(text.Split(' ')[0], CultureInfo.InvariantCulture) * 1024
            : null,
        GlibcVersion = SystemLibraries.GlibcVersion(),
        LibStdCppVersion = SystemLibraries.LibStdCppVersion(),
    };

    private static string? Field(string file, string key, char separator) => File.Exists(file)
        ? File.ReadLines(file)
            .FirstOrDefault(line => line.StartsWith(key, StringComparison.Ordinal))?.Split(separator, 2)[1].Trim()
        : null;
}
