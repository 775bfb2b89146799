namespace NanoBase.Generation;

/// <summary>
/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014): the same numbers on
/// every machine and every version of .NET, so the committed files can be made again byte for byte.
/// </summary>
internal sealed class SeededRandom(ulong seed)
{
    private ulong _state = seed;

    /// <summary>A whole number from 0 to <paramref name="limit"/> - 1.</summary>
    public int Below(int limit) => (int)((UInt128)NextBits() * (ulong)limit >> 64);

    public bool Chance(double probability) => (NextBits() >> 11) * 1.1102230246251565e-16 < probability;

    public T Pick<T>(IReadOnlyList<T> items) => items[Below(items.Count)];

    /// <summary>A copy in random order (Fisher and Yates).</summary>
    public T[] Shuffle<T>(IEnumerable<T> items)
    {
        var order = items.ToArray();
        for (var last = order.Length - 1; last > 0; last--)
        {
            var other = Below(last + 1);
            (order[last], order[other]) = (order[other], order[last]);
        }
        return order;
    }

    private ulong NextBits()
    {
        var bits = _state += 0x9E3779B97F4A7C15;
        bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9;
        bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB;
        return bits ^ (bits >> 31);
    }
}
