using System.Runtime.InteropServices;

namespace Lorikeet.Models.Native.Cuda;

/// <summary>
/// Memory of the host from which a device copies without the CPU's help. Where the system pins none, it is ordinary
/// memory, from which copies are slower.
/// </summary>
internal sealed unsafe class PinnedMemory : IDisposable
{
    private const int PageSize = 1 << 12;

    private readonly bool _isPinned;

    /// <param name="device">The device that will copy.</param>
    /// <param name="bytes">Its size.</param>
    public PinnedMemory(CudaDevice device, long bytes)
    {
        // Not the driver's own allocation: some sandboxes let no file be read into that.
        Start = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, PageSize);
        device.Activate();
        _isPinned = CudaDriver.TryPin(Start, bytes);
    }

    public byte* Start { get; }

    /// <summary>Gives it back; no copy from it may be under way.</summary>
    public void Dispose()
    {
        if (_isPinned)
            CudaDriver.Unpin(Start);
        NativeMemory.AlignedFree(Start);
    }
}
