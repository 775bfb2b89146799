using static TorchSharp.torch;

namespace Lorikeet.Models.Distributed;

/// <summary>The cores that ranks of one machine share, so that their threads do not get in each other's way.</summary>
internal static class LocalCores
{
    private const string Threads = "OMP_NUM_THREADS";
    private const string Statistics = "/proc/stat"; // a line for each core: cpu0, cpu1 ...

    /// <summary>
    /// Gives this rank's operations as many threads as its share of the cores, unless OMP_NUM_THREADS says how many or
    /// the launcher has bound it to some.
    /// </summary>
    /// <param name="ranks">Ranks on this machine.</param>
    public static void Divide(int ranks)
    {
        var isBound = File.Exists(Statistics) && Environment.ProcessorCount < File.ReadLines(Statistics)
            .Count(line => line.StartsWith("cpu", StringComparison.Ordinal) && line.Length > 3
                && char.IsDigit(line[3]));
        if (!isBound && Environment.GetEnvironmentVariable(Threads) is null)
            set_num_threads(Math.Max(1, Environment.ProcessorCount / ranks));
    }
}
