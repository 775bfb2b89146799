using static TorchSharp.torch;

namespace Lorikeet.Models.Native.Cuda;

/// <summary>
/// How much memory a process has taken of a CUDA device. libtorch's own allocator does not report it; the driver's
/// pool, which libtorch can use instead, does.
/// </summary>
internal static class CudaMemory
{
    private const int Reserved = 5; // CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT
    private const int ReservedHigh = 6; // CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH
    private const int UsedNow = 7; // CU_MEMPOOL_ATTR_USED_MEM_CURRENT
    private const int UsedHigh = 8; // CU_MEMPOOL_ATTR_USED_MEM_HIGH

    /// <summary>Has libtorch allocate from the driver's pool; must come before libtorch is loaded.</summary>
    public static void CountAllocations() =>
        NativeEnvironment.SetUnlessSet("PYTORCH_CUDA_ALLOC_CONF", "backend:cudaMallocAsync");

    /// <summary>Bytes in use now.</summary>
    public static long Used(Device device) => CudaDriver.PoolAttribute(Index(device), UsedNow);

    /// <summary>Bytes that can still be allocated: what the device has free and what the pool holds unused.</summary>
    public static long Free(Device device)
    {
        CudaDevice.Of(Index(device)).Activate(); // torch may not have used it in this thread yet
        return CudaDriver.Memory().Free + CudaDriver.PoolAttribute(Index(device), Reserved) - Used(device);
    }

    /// <summary>
    /// Leaves only so many bytes of the device to the process, its context included: a smaller device to measure on.
    /// </summary>
    public static void LimitTo(Device device, long bytes)
    {
        CudaDevice.Of(Index(device)).Activate();
        var (free, total) = CudaDriver.Memory();
        if (total > bytes)
            CudaDriver.Occupy(Math.Max(1, free - (bytes - (total - free))));
    }

    /// <summary>Throws what libtorch throws where so many bytes cannot be allocated; they are given back.</summary>
    public static void RequireRoom(Device device, long bytes)
    {
        using var room = empty([bytes], ScalarType.Byte, device);
    }

    /// <summary>Most bytes in use at once since <see cref="ResetPeak"/>.</summary>
    public static long PeakUsed(Device device) => CudaDriver.PoolAttribute(Index(device), UsedHigh);

    /// <summary>Most bytes that the pool held, in use or not.</summary>
    public static long PeakReserved(Device device) => CudaDriver.PoolAttribute(Index(device), ReservedHigh);

    /// <summary>Resets the peaks.</summary>
    public static void ResetPeak(Device device)
    {
        CudaDriver.ResetPoolAttribute(Index(device), ReservedHigh);
        CudaDriver.ResetPoolAttribute(Index(device), UsedHigh);
    }

    private static int Index(Device device) => Math.Max(device.index, 0);
}
