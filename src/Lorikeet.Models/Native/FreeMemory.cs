using System.Globalization;
using Lorikeet.Models.Native.Cuda;
using TorchSharp;

namespace Lorikeet.Models.Native;

/// <summary>How much memory can still be allocated.</summary>
public static class FreeMemory
{
    private const string MemoryFile = "/proc/meminfo";
    private const string AvailableField = "MemAvailable:";

    /// <summary>
    /// Bytes: of a CUDA device, what it and libtorch's pool have; of the host, what the system can give without
    /// swapping and the process or its container may take.
    /// </summary>
    /// <param name="device">A CUDA device, or the CPU for the host.</param>
    public static long Of(torch.Device device)
    {
        if (device.type == DeviceType.CUDA)
            return CudaMemory.Free(device);
        var allowed = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes - Environment.WorkingSet;
        return Math.Max(0, Math.Min(allowed, OfSystem() ?? allowed));
    }

    /// <summary>What Linux says; null elsewhere.</summary>
    private static long? OfSystem()
    {
        if (!File.Exists(MemoryFile))
            return null;
        var line = File.ReadLines(MemoryFile)
            .FirstOrDefault(line => line.StartsWith(AvailableField, StringComparison.Ordinal));
        var fields = line?.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields is [_, var kilobytes, ..] ? long.Parse(kilobytes, CultureInfo.InvariantCulture) * 1024 : null;
    }
}
