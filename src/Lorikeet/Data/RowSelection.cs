using Lorikeet.Data.Reading;
using Lorikeet.Numerics;

namespace Lorikeet.Data;

/// <summary>Chooses rows by the seed alone, so that every run with it has the same ones.</summary>
internal static class RowSelection
{
    /// <summary>Sets rows aside for evaluation; both parts keep the order of the data.</summary>
    /// <remarks>Rows that ask the same stay together, else what is measured would in part have been trained on.</remarks>
    /// <param name="rows">All rows.</param>
    /// <param name="size">A share below 1, or a number of rows.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="promptOf">What a row asks.</param>
    /// <exception cref="ConfigurationException">Nothing would be left to train on.</exception>
    public static (IReadOnlyList<DataRow> Train, IReadOnlyList<DataRow> Eval) HoldOut(
        IReadOnlyList<DataRow> rows, double size, ulong seed, Func<DataRow, string> promptOf)
    {
        var count = size < 1 ? Math.Max(1, (int)Math.Round(size * rows.Count)) : (int)size;
        if (count >= rows.Count)
        {
            throw new ConfigurationException(
                $"test_size is {size}, and the data has {rows.Count} rows, so none would be left to train on. " +
                "A share below 1 or a smaller number of rows was expected.");
        }
        var order = CounterRandom.Permutation(rows.Count, CounterRandom.Hash(seed, RandomPurpose.Split));
        var heldOut = WholeGroups(order, [.. rows.Select(promptOf)], count);
        // One prompt in all rows is no question of its own; then rows are all there is to divide.
        if (heldOut.Count == 0) heldOut = [.. order.Take(count)];
        return
        (
            [.. rows.Where((_, row) => !heldOut.Contains(row))],
            [.. rows.Where((_, row) => heldOut.Contains(row))]
        );
    }

    /// <summary>At most so many rows, in the data's order: the first of a random order, or of the data.</summary>
    public static IReadOnlyList<DataRow> Take(IReadOnlyList<DataRow> rows, int limit, bool shuffle, ulong seed)
    {
        if (limit >= rows.Count)
            return rows;
        if (!shuffle)
            return [.. rows.Take(limit)];
        var kept = Chosen(rows.Count, limit, CounterRandom.Hash(seed, RandomPurpose.Split, 1));
        return [.. rows.Where((_, row) => kept.Contains(row))];
    }

    /// <summary>The first rows of an order, and with each all that have its key, as far as they fit.</summary>
    private static HashSet<int> WholeGroups(IEnumerable<int> order, string[] keys, int count)
    {
        var groups = Enumerable.Range(0, keys.Length).ToLookup(row => keys[row]);
        var chosen = new HashSet<int>();
        foreach (var row in order)
        {
            if (chosen.Contains(row) || chosen.Count + groups[keys[row]].Count() > count) continue;
            chosen.UnionWith(groups[keys[row]]);
        }

        return chosen;
    }

    private static HashSet<int> Chosen(int rows, int count, ulong key) =>
        [.. CounterRandom.Permutation(rows, key).Take(count)];
}
