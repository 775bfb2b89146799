using System.Collections.Concurrent;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Benchmarks;

/// <summary>How fast a device is at the two things that a training step consists of, measured once a process.</summary>
/// <param name="Gemm">Floating-point operations a second of large matrix products.</param>
/// <param name="Copy">Bytes a second that a copy within the device's memory reads and writes.</param>
public sealed record MachineRates(double Gemm, double Copy)
{
    // On a CPU, more than caches hold and little beside the model.
    private const long HostBytes = 1L << 26;
    private const int Repetitions = 3;

    private static readonly ConcurrentDictionary<(ScalarType Type, DeviceType Device, int Index), MachineRates>
        s_known = [];

    /// <summary>
    /// The rates of a device. The first call for a type and device measures, mostly for a fraction of a second.
    /// </summary>
    /// <param name="type">Type of the matrices: float32, bfloat16 or float16.</param>
    /// <param name="device">A device that exists; libtorch is loaded.</param>
    public static MachineRates Of(ScalarType type, Device device) => s_known.GetOrAdd(
        (type, device.type, device.index),
        _ => new MachineRates(
            GemmRate.Measure(type, device, Repetitions),
            device.type == DeviceType.CUDA
                ? CopyRate.Measure(device)
                : CopyRate.Measure(device, HostBytes, Repetitions)));
}
