namespace Lorikeet.Formats;

/// <summary>What a random number is for. No two purposes share a number; the values are part of saved runs.</summary>
public enum RandomPurpose : ulong
{
    /// <summary>The order of the rows of an epoch.</summary>
    Shuffle = 1,

    /// <summary>Which rows are kept for evaluation.</summary>
    Split = 2,

    /// <summary>Dropout masks.</summary>
    Dropout = 3,

    /// <summary>Embedding noise (NEFTune).</summary>
    EmbeddingNoise = 4,

    /// <summary>Initial weights.</summary>
    Initialization = 5,

    /// <summary>Choosing the next token when generating.</summary>
    Sampling = 6,

    /// <summary>Inputs and weights of benchmarks.</summary>
    Benchmark = 7,

    /// <summary>When a run is killed to see how it goes on.</summary>
    Fault = 8,
}

/// <summary>
/// Random numbers as a pure function of (seed, purpose, counters): nothing is stored between calls, so a resumed run
/// and a recomputed layer see the numbers the first pass saw.
/// </summary>
/// <remarks>
/// Every word is absorbed through the finalizer of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
/// generators", OOPSLA 2014; constants of Stafford's variant 13).
/// </remarks>
public static class CounterRandom
{
    private const ulong GoldenGamma = 0x9E3779B97F4A7C15;

    /// <summary>64 random bits.</summary>
    public static ulong Hash(ulong seed, RandomPurpose purpose, ulong a = 0, ulong b = 0, ulong c = 0) =>
        Absorb(Absorb(Absorb(Absorb(Absorb(0, seed), (ulong)purpose), a), b), c);

    /// <summary>A uniform number in [0, 1) with 53 random bits.</summary>
    public static double Uniform(ulong seed, RandomPurpose purpose, ulong a = 0, ulong b = 0, ulong c = 0) =>
        (Hash(seed, purpose, a, b, c) >> 11) * (1.0 / (1ul << 53));

    /// <summary>The numbers 0 to <paramref name="count"/> - 1 in an order that the key alone decides.</summary>
    public static int[] Permutation(int count, ulong key)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        var order = new int[count];
        for (var i = 0; i < count; i++)
            order[i] = i;

        // Fisher-Yates; the high half of word * n is uniform in [0, n) up to n / 2^64.
        for (var i = count - 1; i > 0; i--)
        {
            var j = (int)Math.BigMul(Absorb(key, (ulong)i), (ulong)i + 1, out _);
            (order[i], order[j]) = (order[j], order[i]);
        }
        return order;
    }

    private static ulong Absorb(ulong state, ulong word)
    {
        unchecked
        {
            var z = (state ^ word) + GoldenGamma;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            return z ^ (z >> 31);
        }
    }
}
