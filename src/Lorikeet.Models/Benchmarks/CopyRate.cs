using System.Diagnostics;
using static TorchSharp.torch;

namespace Lorikeet.Models.Benchmarks;

/// <summary>How fast this machine's memory is: what decoding is measured against.</summary>
public static class CopyRate
{
    private const int Repetitions = 10;
    private const long Bytes = 1L << 28; // far more than any cache holds

    /// <summary>Bytes a second that a copy reads and writes, the best of a few.</summary>
    /// <param name="device">Where.</param>
    /// <param name="bytes">How much is copied at once.</param>
    /// <param name="repetitions">How often.</param>
    public static double Measure(Device device, long bytes = Bytes, int repetitions = Repetitions)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var (from, to) = (ones([bytes], ScalarType.Byte, device), empty([bytes], ScalarType.Byte, device));
        var best = 0.0;
        for (var i = 0; i <= repetitions; i++)
        {
            var clock = Stopwatch.StartNew();
            to.copy_(from);
            GemmRate.Wait(to);
            if (i > 0)
                best = Math.Max(best, 2.0 * bytes / clock.Elapsed.TotalSeconds);
        }

        return best;
    }
}
