using System.Runtime.ExceptionServices;
using Lorikeet.Data.Encoded;
using Lorikeet.Data.Reading;
using Lorikeet.Data.Storage;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Data.Datasets;

/// <summary>One side of a run's data, encoded.</summary>
internal sealed class EncodedSet : IDisposable
{
    // So many rows are in memory at once while they are encoded.
    private const int RowsAtOnce = 1024;

    private readonly string _name;
    private readonly RowSource _source;
    private readonly RowEncoder _encoder;
    private readonly HashSet<int> _dropped;
    private readonly Tokenizer? _tokenizer;

    private EncodedSet(
        string name, RowSource source, RowRendering rendering, RowEncoder encoder, Tokenizer? tokenizer,
        (IReadOnlyList<TrainingRow> Rows, EncodedFacts Facts) encoded)
    {
        (_name, _source, _encoder, _tokenizer) = (name, source, encoder, tokenizer);
        (Rendering, Rows, Statistics) = (rendering, encoded.Rows, encoded.Facts.Statistics);
        _dropped = [.. encoded.Facts.Dropped];
    }

    /// <summary>How rows became text.</summary>
    public RowRendering Rendering { get; }

    /// <summary>Rows with something to learn.</summary>
    public IReadOnlyList<TrainingRow> Rows { get; }

    /// <summary>The rows in numbers.</summary>
    public DatasetStatistics Statistics { get; }

    /// <summary>The rows as questions, read anew; none in plain text.</summary>
    public IEnumerable<Question> Questions
    {
        get
        {
            var reader = new QuestionReader(Rendering, _tokenizer);
            return _source.Rows.Where((_, index) => !_dropped.Contains(index)).Select(reader.TryRead).OfType<Question>();
        }
    }

    /// <summary>Encodes rows on all cores, in order, into the token cache or into memory.</summary>
    /// <param name="name">What messages call these rows.</param>
    /// <param name="source">The rows.</param>
    /// <param name="rendering">How they become text.</param>
    /// <param name="options">Length, truncation, targets, end token, cache.</param>
    /// <param name="tokenizer">The model's tokenizer, if it has one.</param>
    /// <param name="vocabularySize">Rows of the model's embedding.</param>
    public static EncodedSet Encode(
        string name, RowSource source, RowRendering rendering, DataOptions options, Tokenizer? tokenizer, int vocabularySize)
    {
        var encoder = new RowEncoder(rendering, tokenizer, vocabularySize, options);
        var cache = TokenCache.For(options, source);
        var encoded = cache is null
            ? InMemory(Encode)
            : cache.GetOrAdd(TokenCacheKey.Of(source, rendering, tokenizer, vocabularySize, options), vocabularySize, Encode);
        var set = new EncodedSet(name, source, rendering, encoder, tokenizer, encoded) { CacheDamage = cache?.Damage };
        DatasetChecks.RequireTargets(set.Statistics, name, options);
        return set;

        EncodedFacts Encode(Action<TrainingRow> add) => EncodeAll(source.Rows, encoder, tokenizer, add);
    }

    /// <summary>What the user should know about the rows.</summary>
    public IEnumerable<string> Warnings(DataOptions options)
    {
        var warnings = DatasetChecks.Warnings(Statistics, _name, options, _tokenizer);
        return CacheDamage is null ? warnings : warnings.Prepend(CacheDamage);
    }

    private string? CacheDamage { get; init; }

    /// <summary>The first rows, token by token.</summary>
    public IEnumerable<RowPreview> Preview(int rows) =>
        _source.Rows.Take(rows).Select(row => RowPreview.Of(_encoder.Encode(row), _tokenizer));

    /// <summary>Gives mapped files back.</summary>
    public void Dispose() => (Rows as IDisposable)?.Dispose();

    private static (IReadOnlyList<TrainingRow>, EncodedFacts) InMemory(Func<Action<TrainingRow>, EncodedFacts> encode)
    {
        var rows = new List<TrainingRow>();
        return (rows, encode(rows.Add));
    }

    private static EncodedFacts EncodeAll(
        IEnumerable<DataRow> rows, RowEncoder encoder, Tokenizer? tokenizer, Action<TrainingRow> add)
    {
        var counter = new StatisticsCounter(tokenizer);
        foreach (var chunk in rows.Chunk(RowsAtOnce))
        {
            var results = chunk.AsParallel().AsOrdered().Select(row => TryEncode(row, encoder)).ToArray();

            // Of several faulty rows the first is reported, whichever thread met one first.
            if (Array.Find(results, result => result.Fault is not null).Fault is { } first)
                ExceptionDispatchInfo.Throw(first);
            foreach (var (example, _) in results)
            {
                counter.Add(example!);
                foreach (var row in example!.Rows)
                    add(row);
            }
        }

        return new EncodedFacts(counter.Count(), counter.DroppedRows);
    }

    private static (EncodedExample? Example, LorikeetException? Fault) TryEncode(DataRow row, RowEncoder encoder)
    {
        try
        {
            return (encoder.Encode(row), null);
        }
        catch (LorikeetException fault)
        {
            return (null, fault);
        }
    }
}
