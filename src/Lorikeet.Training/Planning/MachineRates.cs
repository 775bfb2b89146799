using System.Collections.Concurrent;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Training.Planning;

/// <summary>How fast this machine is at the two things that a step consists of, measured once a process.</summary>
/// <param name="Gemm">Floating-point operations a second of large products.</param>
/// <param name="Copy">Bytes a second that copies read and write.</param>
internal sealed record MachineRates(double Gemm, double Copy)
{
    // On a processor, more than caches hold and little beside the model.
    private const long HostBytes = 1L << 26;
    private const int Repetitions = 3;

    private static readonly ConcurrentDictionary<(ScalarType Type, DeviceType Device, int Index), MachineRates> s_known = [];

    /// <summary>The rates of a device that is there; takes a second at most.</summary>
    public static MachineRates Of(ScalarType type, Device device) => s_known.GetOrAdd(
        (type, device.type, device.index),
        _ => new MachineRates(
            GemmRate.Measure(type, device, Repetitions),
            device.type == DeviceType.CUDA ? CopyRate.Measure(device) : CopyRate.Measure(device, HostBytes, Repetitions)));
}
