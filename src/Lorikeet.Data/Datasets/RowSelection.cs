using Lorikeet.Formats;

namespace Lorikeet.Data.Datasets;

/// <summary>Chooses rows by the seed alone, so that every run with it has the same ones.</summary>
internal static class RowSelection
{
    /// <summary>Rows to set aside for evaluation.</summary>
    /// <remarks>
    /// Rows that ask the same stay together, else what is measured would in part have been trained on.
    /// </remarks>
    /// <param name="prompts">What each row asks, as a key.</param>
    /// <param name="size">A share below 1, or a number of rows.</param>
    /// <param name="seed">The run's seed.</param>
    /// <exception cref="ConfigurationException">Nothing would be left to train on.</exception>
    public static HashSet<int> HeldOut(IReadOnlyList<UInt128> prompts, double size, ulong seed)
    {
        var count = RowsAskedFor(size, prompts.Count);
        if (count >= prompts.Count)
        {
            throw new ConfigurationException(
                $"test_size is {size}, and the data has {prompts.Count} rows, so none would be left to train on. " +
                "A share below 1 or a smaller number of rows was expected.");
        }
        var order = CounterRandom.Permutation(prompts.Count, CounterRandom.Hash(seed, RandomPurpose.Split));
        var heldOut = WholeGroups(order, prompts, count);
        if (heldOut.Count > 0)
            return heldOut;

        // One prompt in all rows is no question of its own; then rows are all there is to divide.
        var smallest = order.GroupBy(row => prompts[row]).MinBy(group => group.Count())!;
        return smallest.Count() < prompts.Count ? [.. smallest] : [.. order.Take(count)];
    }

    /// <summary>At most so many rows, the first of a random order; null for all.</summary>
    public static HashSet<int>? Kept(int rows, int limit, ulong seed) => limit >= rows ? null
        : [.. CounterRandom.Permutation(rows, CounterRandom.Hash(seed, RandomPurpose.Split, 1)).Take(limit)];

    /// <summary>How many rows are asked for of so many.</summary>
    /// <param name="size">A share below 1, or a number of rows.</param>
    /// <param name="rows">All rows.</param>
    public static int RowsAskedFor(double size, int rows) =>
        size < 1 ? Math.Max(1, (int)Math.Round(size * rows)) : (int)size;

    /// <summary>The first rows of an order, and with each all that have its key, as far as they fit.</summary>
    private static HashSet<int> WholeGroups(IEnumerable<int> order, IReadOnlyList<UInt128> keys, int count)
    {
        var groups = Enumerable.Range(0, keys.Count).ToLookup(row => keys[row]);
        var chosen = new HashSet<int>();
        foreach (var row in order)
        {
            if (chosen.Contains(row) || chosen.Count + groups[keys[row]].Count() > count)
                continue;
            chosen.UnionWith(groups[keys[row]]);
        }

        return chosen;
    }
}
