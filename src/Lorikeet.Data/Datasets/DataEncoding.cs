using System.Runtime.ExceptionServices;
using Lorikeet.Data.Encoded;
using Lorikeet.Data.Reading;
using Lorikeet.Data.Storage;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Data.Datasets;

/// <summary>Encodes the rows of a source, each of them once, into the rows to train on and those held out.</summary>
/// <remarks>
/// Data of ordinary size is read in one pass: what a row asks is noted while it is encoded, and the rows are divided at
/// the end. Data for the token cache, which may not fit into memory, is divided first and encoded in a second pass,
/// straight into the entries of both sides.
/// </remarks>
/// <param name="options">Length, truncation, targets, end token, cache.</param>
/// <param name="tokenizer">The model's tokenizer, if it has one.</param>
/// <param name="vocabularySize">Rows of the model's embedding.</param>
/// <param name="takesAll">Whether rows are taken that a run would refuse, to look at them.</param>
internal sealed class DataEncoding(
    DataOptions options, Tokenizer? tokenizer, int vocabularySize, bool takesAll = false)
{
    // So many rows are in memory at once while they are encoded.
    private const int RowsAtOnce = 1024;

    private readonly RowEncoder _encoder = new(tokenizer, vocabularySize, options);

    /// <summary>Encodes all of a source.</summary>
    /// <param name="name">What messages call the rows.</param>
    /// <param name="source">The rows.</param>
    /// <param name="rendering">How they become text.</param>
    /// <exception cref="DatasetException">A row cannot be read, or nothing can be learned from them.</exception>
    public EncodedSet Encode(string name, RowSource source, RowRendering rendering) =>
        Encode(RowSplit.Whole(source, rendering), rendering, name, "").Train;

    /// <summary>Encodes both sides of a source.</summary>
    /// <param name="split">Which rows go where.</param>
    /// <param name="rendering">How they become text.</param>
    /// <param name="trainName">What messages call the rows to train on.</param>
    /// <param name="evalName">What messages call the rows held out.</param>
    /// <exception cref="DatasetException">A row cannot be read, or nothing can be learned from them.</exception>
    public (EncodedSet Train, EncodedSet? Eval) Encode(
        RowSplit split, RowRendering rendering, string trainName, string evalName)
    {
        Side[] sides =
        [
            new(RowSide.Train, trainName, split.Train),
            .. split.Eval is null ? (Side[])[] : [new(RowSide.Eval, evalName, split.Eval)],
        ];
        if (TokenCache.For(options, split.Train) is { } cache)
            Cached(cache, sides, split, rendering);
        else
            InMemory(sides, split, rendering);

        EncodedSet[] sets = [.. sides.Select(side => side.Set(rendering, _encoder, tokenizer))];
        foreach (var set in takesAll ? [] : sets)
            set.RequireTargets(options);
        return (sets[0], sets.ElementAtOrDefault(1));
    }

    private void InMemory(Side[] sides, RowSplit split, RowRendering rendering)
    {
        foreach (var side in sides)
            side.Asked = [];
        Sink[] sinks = [.. sides.Select(side => new Sink(side, new StatisticsCounter(tokenizer), side.InMemory.Add))];
        if (split.IsOpen)
            FillAll(sinks, split, rendering);
        else
            Fill(sinks, split, rendering);
        foreach (var sink in sinks)
            sink.Side.Encoded = (sink.Side.InMemory, sink.Facts);
    }

    private void Cached(TokenCache cache, Side[] sides, RowSplit split, RowRendering rendering)
    {
        foreach (var side in sides)
        {
            var key = TokenCacheKey.Of(side.Source, rendering, tokenizer, vocabularySize, options);
            (side.Key, side.Encoded, side.Damage) = (key, cache.Find(key, vocabularySize, out var damage), damage);
        }

        Write([.. sides.Where(side => side.Encoded is null)], []);

        // An entry within the other: one pass fills both.
        void Write(Side[] missing, Sink[] opened)
        {
            if (missing is [])
            {
                if (opened.Length > 0)
                    Fill(opened, split, rendering);
                return;
            }

            var side = missing[0];
            side.Encoded = cache.Add(side.Key!, vocabularySize, add =>
            {
                var sink = new Sink(side, new StatisticsCounter(tokenizer), add);
                Write(missing[1..], [.. opened, sink]);
                return sink.Facts;
            });
        }
    }

    /// <summary>Encodes the rows that go somewhere.</summary>
    private void Fill(Sink[] sinks, RowSplit split, RowRendering rendering)
    {
        var wanted = split.Rows().Where(row => Array.Exists(sinks, sink => sink.Side.Kind == row.Side));
        var compares = Array.TrueForAll(sinks, sink => sink.Side.Asked is not null);
        foreach (var (example, _, side) in Encoded(wanted, rendering, withKeys: false, compares))
            Array.Find(sinks, sink => sink.Side.Kind == side)!.Add(example);
    }

    /// <summary>Encodes all rows, and divides them by what they ask.</summary>
    private void FillAll(Sink[] sinks, RowSplit split, RowRendering rendering)
    {
        var (examples, keys) = (new List<EncodedExample>(), new List<UInt128>());
        foreach (var (example, key, _) in Encoded(
            split.AllRows.Select(row => (row, RowSide.None)), rendering, withKeys: true, compares: true))
        {
            examples.Add(example);
            keys.Add(key);
        }

        split.Choose(keys);
        var places = split.Sides();
        foreach (var example in examples)
        {
            var side = places.Next();
            Array.Find(sinks, sink => sink.Side.Kind == side)?.Add(example);
        }
    }

    /// <summary>Encodes rows on all cores, in order.</summary>
    private IEnumerable<(EncodedExample Example, UInt128 Key, RowSide Side)> Encoded(
        IEnumerable<(DataRow Row, RowSide Side)> rows, RowRendering rendering, bool withKeys, bool compares)
    {
        foreach (var chunk in rows.Chunk(RowsAtOnce))
        {
            var results = chunk.AsParallel().AsOrdered()
                .Select(row => TryEncode(row.Row, rendering, withKeys, compares))
                .ToArray();

            // Of several faulty rows the first is reported, whichever thread met one first.
            if (Array.Find(results, result => result.Fault is not null).Fault is { } first)
                ExceptionDispatchInfo.Throw(first);
            for (var i = 0; i < results.Length; i++)
                yield return (results[i].Example!, results[i].Key, chunk[i].Side);
        }
    }

    private (EncodedExample? Example, UInt128 Key, LorikeetException? Fault) TryEncode(
        DataRow row, RowRendering rendering, bool withKeys, bool compares)
    {
        try
        {
            var rendered = rendering.Render(row);
            var example = _encoder.Encode(rendered) with { Keys = compares ? RowKeys.Of(rendered) : null };
            return (example, withKeys ? rendered.PromptKey : default, null);
        }
        catch (LorikeetException fault)
        {
            return (null, default, fault);
        }
    }

    /// <summary>One side of a source, until it is a set.</summary>
    private sealed class Side(RowSide kind, string name, RowSource source)
    {
        public RowSide Kind => kind;

        public RowSource Source => source;

        public string? Key { get; set; }

        public string? Damage { get; set; }

        public List<TrainingRow> InMemory { get; } = [];

        /// <summary>Where rows were read, and what they ask; null for those that may not fit into memory.</summary>
        public List<(RowOrigin Origin, RowKeys Keys)>? Asked { get; set; }

        public (IReadOnlyList<TrainingRow> Rows, EncodedFacts Facts)? Encoded { get; set; }

        public EncodedSet Set(RowRendering rendering, RowEncoder encoder, Tokenizer? tokenizer) =>
            new(name, source, rendering, encoder, tokenizer, Encoded!.Value) { CacheDamage = Damage, Asked = Asked };
    }

    /// <summary>Where the rows of a side are written, and what is counted of them.</summary>
    private sealed record Sink(Side Side, StatisticsCounter Counter, Action<TrainingRow> Write)
    {
        public EncodedFacts Facts => new(Counter.Count(), Counter.DroppedRows);

        public void Add(EncodedExample example)
        {
            Counter.Add(example);
            if (example is { DropReason: null, Keys: { } keys })
                Side.Asked?.Add((example.Origin, keys));
            foreach (var row in example.Rows)
                Write(row);
        }
    }
}
