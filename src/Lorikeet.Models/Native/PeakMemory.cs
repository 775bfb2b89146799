using System.Diagnostics;
using Lorikeet.Models.Native.Cuda;
using TorchSharp;

namespace Lorikeet.Models.Native;

/// <summary>The most memory that was in use at once.</summary>
public static class PeakMemory
{
    private static long _largestSeen;

    /// <summary>
    /// Peak in bytes on a model's device: what was allocated of a CUDA device, else that of the process.
    /// </summary>
    /// <param name="device">The device.</param>
    public static long Of(torch.Device device) =>
        device.type == DeviceType.CUDA ? CudaMemory.PeakUsed(device) : OfProcess();

    /// <summary>Forgets a CUDA device's peak; that of a process is for its life.</summary>
    /// <param name="device">The device; nothing happens for the CPU.</param>
    public static void Reset(torch.Device device)
    {
        if (device.type == DeviceType.CUDA)
            CudaMemory.ResetPeak(device);
    }

    /// <summary>
    /// Peak in bytes: the kernel's own record where the system keeps one (<c>VmHWM</c> on Linux, the peak working set
    /// on Windows), else the largest value seen at any call.
    /// </summary>
    public static long OfProcess()
    {
        using var process = Process.GetCurrentProcess();
        _largestSeen = Math.Max(_largestSeen, Math.Max(process.PeakWorkingSet64, process.WorkingSet64));
        return _largestSeen;
    }
}
