using System.Runtime.InteropServices;

namespace Lorikeet.Models.Native;

/// <summary>
/// Pages of 2 MB for memory that is read from end to end again and again: with those of 4 KB a CPU spends as much time
/// on finding pages as on reading them, in a virtual machine above all.
/// </summary>
internal static unsafe class HugePages
{
    private const nint Size = 1 << 21;

    // Linux: include/uapi/asm-generic/mman-common.h
    private const int Advise = 14; // MADV_HUGEPAGE
    private const int Collapse = 25; // MADV_COLLAPSE, since 6.1

    /// <summary>
    /// Asks for them, also for what lies there already. Where the system has none to give, all stays as it is.
    /// </summary>
    /// <param name="start">The first byte.</param>
    /// <param name="bytes">How many.</param>
    public static void Use(byte* start, long bytes)
    {
        if (!OperatingSystem.IsLinux() || bytes < Size)
            return;
        var first = (nint)start & ~(Size - 1);
        var length = ((nint)start + (nint)bytes + Size - 1 & ~(Size - 1)) - first;
        _ = madvise(first, length, Advise);
        _ = madvise(first, length, Collapse);
    }

    [DllImport("libc")]
    private static extern int madvise(nint address, nint length, int advice);
}
