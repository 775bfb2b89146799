using System.Globalization;
using Lorikeet.Data.Encoded;
using Lorikeet.Data.Reading;
using Lorikeet.Formats;

namespace Lorikeet.Data.Datasets;

/// <summary>Chooses rows by the seed alone, so that every run with it has the same ones.</summary>
internal static class RowSelection
{
    /// <summary>Sets rows aside for evaluation; both parts keep the order of the data.</summary>
    /// <remarks>Rows that ask the same stay together, else what is measured would in part have been trained on.</remarks>
    /// <param name="source">All rows; they are read once to choose, when either part is first read.</param>
    /// <param name="size">A share below 1, or a number of rows.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="promptOf">What a row asks.</param>
    /// <exception cref="ConfigurationException">Nothing would be left to train on.</exception>
    public static (RowSource Train, RowSource Eval) HoldOut(
        RowSource source, double size, ulong seed, Func<DataRow, string> promptOf)
    {
        var heldOut = new Lazy<HashSet<int>>(
            () => HeldOut([.. source.Rows.Select(row => TokenHash.Of(promptOf(row)))], size, seed));
        var choice = string.Create(CultureInfo.InvariantCulture, $"{size} held out by seed {seed}");
        return
        (
            source.Where($"without {choice}", row => !heldOut.Value.Contains(row)),
            source.Where($"only {choice}", row => heldOut.Value.Contains(row))
        );
    }

    /// <summary>At most so many rows, in the data's order: the first of a random order, or of the data.</summary>
    public static RowSource Take(RowSource source, int limit, bool shuffle, ulong seed)
    {
        if (!shuffle)
            return source.First(limit);
        var kept = new Lazy<HashSet<int>?>(() =>
        {
            var count = source.Rows.Count();
            return limit >= count ? null : Chosen(count, limit, CounterRandom.Hash(seed, RandomPurpose.Split, 1));
        });
        return source.Where($"{limit} by seed {seed}", row => kept.Value?.Contains(row) != false);
    }

    private static HashSet<int> HeldOut(UInt128[] prompts, double size, ulong seed)
    {
        var count = RowsAskedFor(size, prompts.Length);
        if (count >= prompts.Length)
        {
            throw new ConfigurationException(
                $"test_size is {size}, and the data has {prompts.Length} rows, so none would be left to train on. " +
                "A share below 1 or a smaller number of rows was expected.");
        }
        var order = CounterRandom.Permutation(prompts.Length, CounterRandom.Hash(seed, RandomPurpose.Split));
        var heldOut = WholeGroups(order, prompts, count);
        if (heldOut.Count > 0)
            return heldOut;

        // One prompt in all rows is no question of its own; then rows are all there is to divide.
        var smallest = order.GroupBy(row => prompts[row]).MinBy(group => group.Count())!;
        return smallest.Count() < prompts.Length ? [.. smallest] : [.. order.Take(count)];
    }

    /// <summary>How many rows are asked for of so many.</summary>
    /// <param name="size">A share below 1, or a number of rows.</param>
    /// <param name="rows">All rows.</param>
    public static int RowsAskedFor(double size, int rows) => size < 1 ? Math.Max(1, (int)Math.Round(size * rows)) : (int)size;

    /// <summary>The first rows of an order, and with each all that have its key, as far as they fit.</summary>
    private static HashSet<int> WholeGroups(IEnumerable<int> order, UInt128[] keys, int count)
    {
        var groups = Enumerable.Range(0, keys.Length).ToLookup(row => keys[row]);
        var chosen = new HashSet<int>();
        foreach (var row in order)
        {
            if (chosen.Contains(row) || chosen.Count + groups[keys[row]].Count() > count)
                continue;
            chosen.UnionWith(groups[keys[row]]);
        }

        return chosen;
    }

    private static HashSet<int> Chosen(int rows, int count, ulong key) =>
        [.. CounterRandom.Permutation(rows, key).Take(count)];
}
