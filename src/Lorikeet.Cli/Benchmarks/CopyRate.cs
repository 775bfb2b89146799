using System.Diagnostics;
using Lorikeet.Native;
using static TorchSharp.torch;

namespace Lorikeet.Cli.Benchmarks;

/// <summary>How fast this machine's memory is: what decoding is measured against.</summary>
internal static class CopyRate
{
    private const int Repetitions = 10;
    private const long Bytes = 1L << 28; // far more than any cache holds

    /// <summary>Bytes a second that a copy reads and writes, the best of a few.</summary>
    public static double Measure(Device device)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var (from, to) = (ones([Bytes], ScalarType.Byte, device), empty([Bytes], ScalarType.Byte, device));
        var best = 0.0;
        for (var i = 0; i <= Repetitions; i++)
        {
            var clock = Stopwatch.StartNew();
            to.copy_(from);
            GemmRate.Wait(to);
            if (i > 0) best = Math.Max(best, 2.0 * Bytes / clock.Elapsed.TotalSeconds);
        }

        return best;
    }
}
