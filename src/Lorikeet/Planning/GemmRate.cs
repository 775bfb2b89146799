using System.Diagnostics;
using Lorikeet.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Planning;

/// <summary>How fast this machine multiplies large matrices: what everything else is measured against.</summary>
internal static class GemmRate
{
    private const int Repetitions = 5;

    /// <summary>Floating-point operations a second of a large product, the best of a few.</summary>
    /// <param name="type">What is multiplied.</param>
    /// <param name="device">Where.</param>
    /// <param name="repetitions">How often.</param>
    public static double Measure(ScalarType type, Device device, int repetitions = Repetitions)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var size = device.type == DeviceType.CUDA ? 8192L : 2048L;
        var (a, b, c) = (randn(size, size, type, device), randn(size, size, type, device), empty([size, size], type, device));
        var best = 0.0;
        for (var i = 0; i <= repetitions; i++)
        {
            var clock = Stopwatch.StartNew();
            Aten.Multiply(c, a, b);
            Wait(c);
            if (i > 0) best = Math.Max(best, 2.0 * size * size * size / clock.Elapsed.TotalSeconds);
        }

        return best;
    }

    /// <summary>Returns when all work on the tensor's device is done.</summary>
    public static void Wait(Tensor tensor)
    {
        if (tensor.device_type == DeviceType.CUDA) cuda.synchronize();
    }
}
