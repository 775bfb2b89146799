using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>
/// How 4-bit codes are looked up; the fastest is <see cref="VectorPaths.Best"/>, and tests run them all.
/// </summary>
internal enum VectorPath
{
    /// <summary>Any CPU.</summary>
    Portable,

    /// <summary>x86 with 256-bit vectors.</summary>
    Avx2,

    /// <summary>x86 with 512-bit vectors.</summary>
    Avx512,
}

/// <summary>What this CPU can run.</summary>
internal static class VectorPaths
{
    /// <summary>The fastest that this CPU has.</summary>
    public static VectorPath Best =>
        Avx512BW.IsSupported ? VectorPath.Avx512 : Avx2.IsSupported && Fma.IsSupported ? VectorPath.Avx2
            : VectorPath.Portable;
}
