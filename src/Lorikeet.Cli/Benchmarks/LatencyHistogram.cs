namespace Lorikeet.Cli.Benchmarks;

/// <summary>
/// Times in buckets of two percent each, in memory that does not grow with their number. Thread-safe.
/// </summary>
internal sealed class LatencyHistogram
{
    private const double Least = 1e-6;
    private const double Growth = 1.02;

    private readonly long[] _counts = new long[1200];
    private readonly Lock _lock = new();
    private double _largest;

    /// <summary>Takes a time.</summary>
    /// <param name="seconds">The time.</param>
    public void Add(double seconds)
    {
        var bucket = (int)Math.Max(Math.Log(Math.Max(seconds, Least) / Least, Growth), 0);
        lock (_lock)
        {
            _counts[Math.Min(bucket, _counts.Length - 1)]++;
            _largest = Math.Max(_largest, seconds);
        }
    }

    /// <summary>The time that a share of all are at most, in milliseconds; 0 where there are none.</summary>
    /// <param name="share">The share; at 1 it is the longest time.</param>
    public double Milliseconds(double share)
    {
        lock (_lock)
        {
            var left = share * _counts.Sum();
            var bucket = 0;
            while (bucket < _counts.Length - 1 && (left -= _counts[bucket]) > 0)
                bucket++;
            return Math.Round(Math.Min(Least * Math.Pow(Growth, bucket + 1), _largest) * 1000, 2);
        }
    }
}
