using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Models.Native;

/// <summary>Instruction sets of the CPU that decide which compute type is fast.</summary>
internal static class ProcessorFeatures
{
    /// <summary>Whether bfloat16 multiplications run natively: AVX-512 BF16 or AMX on x86, BF16 on ARM.</summary>
    public static bool HasNativeBFloat16 => Names.Any(name => name is "avx512_bf16" or "amx_bf16" or "bf16");

    /// <summary>What was found, under the names Linux gives them.</summary>
    public static IReadOnlyList<string> Names { get; } =
        [.. RuntimeInformation.ProcessArchitecture == Architecture.X64 ? X86() : Arm()];

    private static IEnumerable<string> X86()
    {
        if (Avx2.IsSupported)
            yield return "avx2";
        if (Avx512F.IsSupported)
            yield return "avx512f";
        if (!X86Base.IsSupported || X86Base.CpuId(0, 0).Eax < 7)
            yield break;

        // Intel SDM, volume 2, CPUID leaf 7.
        var (_, _, ecx, edx) = X86Base.CpuId(7, 0);
        if (Bit(ecx, 11))
            yield return "avx512_vnni";
        if (Bit(edx, 22))
            yield return "amx_bf16";
        if (Avx512F.IsSupported && Bit(X86Base.CpuId(7, 1).Eax, 5))
            yield return "avx512_bf16";
    }

    private static IEnumerable<string> Arm()
    {
        if (AdvSimd.IsSupported)
            yield return "asimd";
        const string file = "/proc/cpuinfo";
        if (File.Exists(file) && File.ReadLines(file).Any(line =>
            line.StartsWith("Features", StringComparison.Ordinal) && line.Split(' ').Contains("bf16")))
        {
            yield return "bf16";
        }
    }

    private static bool Bit(int register, int index) => (register >> index & 1) != 0;
}
