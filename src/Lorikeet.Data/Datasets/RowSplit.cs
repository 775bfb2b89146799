using System.Globalization;
using Lorikeet.Data.Encoded;
using Lorikeet.Data.Reading;
using Lorikeet.Formats;

namespace Lorikeet.Data.Datasets;

/// <summary>Where a row goes.</summary>
internal enum RowSide
{
    /// <summary>Nowhere: there are enough.</summary>
    None,

    /// <summary>To the rows that are trained on.</summary>
    Train,

    /// <summary>To the rows that are held out.</summary>
    Eval,
}

/// <summary>Divides the rows of one source into those that are trained on and those that are held out.</summary>
/// <remarks>
/// The choice is a function of the seed and of what the rows ask. A caller that reads all rows anyway passes their keys
/// to <see cref="Choose(IReadOnlyList{UInt128})"/>; else the rows are read once to choose, when a part is first
/// enumerated. Both parts keep the order.
/// </remarks>
internal sealed class RowSplit
{
    private readonly RowSource _source;
    private readonly DataOptions? _options;
    private readonly ulong _seed;
    private readonly RowRendering _rendering;
    private HashSet<int> _heldOut = [];
    private HashSet<int>? _kept;
    private bool _isChosen;

    private RowSplit(RowSource source, RowRendering rendering) =>
        (_source, _rendering, Train, _isChosen) = (source, rendering, source, true);

    private RowSplit(RowSource source, RowRendering rendering, DataOptions options, ulong seed)
    {
        (_source, _rendering, _options, _seed) = (source, rendering, options, seed);
        var choice = string.Create(CultureInfo.InvariantCulture, $"{options.HeldOut} held out by seed {seed}");
        var selection = HoldsOut ? $"{source.Selection}, without {choice}" : source.Selection;
        if (options.MaxTrainRows is { } limit)
            selection += options.Shuffle ? $", {limit} by seed {seed}" : $", the first {limit}";
        Train = source.Part(Of(RowSide.Train), selection);
        _isChosen = !HoldsOut && !DrawsRows;
        if (!HoldsOut)
            return;
        var first = options.MaxEvalRows is { } evalLimit ? $", the first {evalLimit}" : "";
        Eval = source.Part(Of(RowSide.Eval), $"{source.Selection}, only {choice}{first}");
    }

    /// <summary>The rows to train on, read anew at each enumeration.</summary>
    public RowSource Train { get; }

    /// <summary>The rows held out; null where none are.</summary>
    public RowSource? Eval { get; }

    /// <summary>Whether every row belongs to a part, and the first reader has not passed their keys yet.</summary>
    public bool IsOpen => !_isChosen && _options is { MaxTrainRows: null, MaxEvalRows: null };

    private bool HoldsOut => _options is { HeldOut: > 0 };

    private bool DrawsRows => _options is { MaxTrainRows: not null, Shuffle: true };

    /// <summary>All of a source to train on.</summary>
    public static RowSplit Whole(RowSource source, RowRendering rendering) => new(source, rendering);

    /// <summary>What the options say of the rows to train on.</summary>
    /// <param name="source">All rows.</param>
    /// <param name="rendering">What they ask.</param>
    /// <param name="options">Rows to hold out, and most rows.</param>
    /// <param name="seed">The run's seed.</param>
    public static RowSplit Of(RowSource source, RowRendering rendering, DataOptions options, ulong seed) =>
        new(source, rendering, options, seed);

    /// <summary>Chooses by what the rows ask, all of them in order.</summary>
    /// <exception cref="ConfigurationException">Nothing would be left to train on.</exception>
    public void Choose(IReadOnlyList<UInt128> keys)
    {
        if (!_isChosen)
            Choose(keys.Count, keys);
    }

    /// <summary>The rows that go somewhere, in order.</summary>
    public IEnumerable<(DataRow Row, RowSide Side)> Rows()
    {
        var places = new Places(this);
        foreach (var row in _source.Rows)
        {
            if (places.Next() is var side and not RowSide.None)
                yield return (row, side);
            if (places.AreFull)
                yield break;
        }
    }

    /// <summary>All rows, for a caller that passes their keys to Choose.</summary>
    public IEnumerable<DataRow> AllRows => _source.Rows;

    /// <summary>Where each row goes, one after the other.</summary>
    public Places Sides() => new(this);

    private IEnumerable<DataRow> Of(RowSide side)
    {
        foreach (var (row, its) in Rows())
        {
            if (its == side)
                yield return row;
        }
    }

    private void RequireChoice()
    {
        if (_isChosen)
            return;
        if (HoldsOut)
        {
            UInt128[] keys =
                [.. _source.Rows.Select(row => RenderedRow.KeyOf(_rendering.Read(row), _rendering.Markup, row.Origin))];
            Choose(keys.Length, keys);
        }
        else
        {
            Choose(_source.Rows.Count(), []);
        }
    }

    private void Choose(int count, IReadOnlyList<UInt128> keys)
    {
        if (HoldsOut)
            _heldOut = HoldOut(keys, _options!.HeldOut, _seed);
        if (DrawsRows)
            _kept = Keep(count - _heldOut.Count, _options!.MaxTrainRows!.Value, _seed);
        _isChosen = true;
    }

    /// <summary>Rows to set aside for evaluation.</summary>
    /// <remarks>
    /// Rows that ask the same stay together, else what is measured would in part have been trained on.
    /// </remarks>
    /// <param name="prompts">What each row asks, as a key.</param>
    /// <param name="size">A share below 1, or a number of rows.</param>
    /// <param name="seed">The run's seed.</param>
    /// <exception cref="ConfigurationException">Nothing would be left to train on.</exception>
    public static HashSet<int> HoldOut(IReadOnlyList<UInt128> prompts, double size, ulong seed)
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
    private static HashSet<int>? Keep(int rows, int limit, ulong seed) => limit >= rows ? null
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

    /// <summary>Goes through the rows.</summary>
    internal sealed class Places
    {
        private readonly RowSplit _split;
        private readonly int _mostTrain;
        private readonly int _mostEval;
        private int _row;
        private int _train;
        private int _eval;
        private int _kept;

        public Places(RowSplit split)
        {
            split.RequireChoice();
            _split = split;
            _mostTrain = split._options?.MaxTrainRows ?? int.MaxValue;
            _mostEval = split.Eval is null ? 0 : split._options?.MaxEvalRows ?? int.MaxValue;
        }

        /// <summary>Whether no further row goes anywhere.</summary>
        public bool AreFull => _kept >= _mostTrain && _eval >= _mostEval;

        /// <summary>Where the next row goes.</summary>
        public RowSide Next()
        {
            if (_split._heldOut.Contains(_row++))
            {
                if (_eval >= _mostEval)
                    return RowSide.None;
                _eval++;
                return RowSide.Eval;
            }

            var place = _train++;
            if (_kept >= _mostTrain || _split._kept?.Contains(place) == false)
                return RowSide.None;
            _kept++;
            return RowSide.Train;
        }
    }
}
