using System.Diagnostics;
using Lorikeet.Models.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Benchmarks;

/// <summary>How fast this machine multiplies large matrices: what everything else is measured against.</summary>
public static class GemmRate
{
    private const int Repetitions = 5;

    // A CPU without instructions for a type may be a thousand times slower than one that has them.
    private const long SmallestSize = 128;
    private const double LongEnough = 0.05;
    private const double Budget = 0.15;

    /// <summary>Floating-point operations a second of a large GEMM, the best of a few.</summary>
    /// <param name="type">What is multiplied.</param>
    /// <param name="device">Where.</param>
    /// <param name="repetitions">How often.</param>
    public static double Measure(ScalarType type, Device device, int repetitions = Repetitions)
    {
        using var quiet = no_grad();
        return Measure(size => Seconds(size, type, device), device.type == DeviceType.CUDA ? 8192 : 2048, repetitions);
    }

    /// <summary>
    /// The rate of matrix products that grow until one takes long enough to be timed, so that measuring takes no longer
    /// on a slow machine.
    /// </summary>
    /// <param name="secondsOf">Seconds of the product of two square matrices.</param>
    /// <param name="largest">Largest size of a matrix.</param>
    /// <param name="repetitions">How often the last is repeated.</param>
    internal static double Measure(Func<long, double> secondsOf, long largest, int repetitions)
    {
        // The first GEMM of a size may load libraries and kernels, which takes longer than the GEMM itself.
        double Warm(long size) => Math.Min(secondsOf(size), secondsOf(size));

        var size = SmallestSize;
        var last = Warm(size);
        for (; last < LongEnough && size < largest; last = Warm(size))
            size *= 2;
        var (best, spent) = (last, last);
        for (var i = 0; i < repetitions && spent < Budget; i++)
        {
            var seconds = secondsOf(size);
            (best, spent) = (Math.Min(best, seconds), spent + seconds);
        }

        return 2.0 * size * size * size / best;
    }

    /// <summary>Returns when all work on the tensor's device is done.</summary>
    /// <param name="tensor">Any tensor of that device.</param>
    public static void Wait(Tensor tensor)
    {
        if (tensor.device_type == DeviceType.CUDA)
            cuda.synchronize();
    }

    private static double Seconds(long size, ScalarType type, Device device)
    {
        using var scope = NewDisposeScope();
        // The power that a GPU draws, and so its clock, depends on the numbers; drawing them takes a CPU longer than
        // multiplying.
        Tensor Matrix() => device.type == DeviceType.CUDA
            ? randn(size, size, type, device)
            : ones([size, size], type, device);
        var (a, b, c) = (Matrix(), Matrix(), empty([size, size], type, device));
        Wait(c);
        var clock = Stopwatch.StartNew();
        Aten.Multiply(c, a, b);
        Wait(c);
        return clock.Elapsed.TotalSeconds;
    }
}
