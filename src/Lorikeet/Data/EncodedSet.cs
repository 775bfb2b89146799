using System.Runtime.ExceptionServices;
using Lorikeet.Data.Prompts;
using Lorikeet.Data.Reading;
using Lorikeet.Options;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Data;

/// <summary>One side of a run's data, encoded.</summary>
internal sealed class EncodedSet
{
    private readonly string _name;
    private readonly IReadOnlyList<DataRow> _source;
    private readonly IReadOnlyList<EncodedExample> _examples;
    private readonly Tokenizer? _tokenizer;

    private EncodedSet(
        string name, IReadOnlyList<DataRow> source, IReadOnlyList<EncodedExample> examples, RowRendering rendering,
        Tokenizer? tokenizer)
    {
        (_name, _source, _examples, _tokenizer) = (name, source, examples, tokenizer);
        Rendering = rendering;
        Rows = [.. examples.SelectMany(example => example.Rows)];
        Statistics = DatasetStatistics.Of(examples, tokenizer);
    }

    /// <summary>How rows became text.</summary>
    public RowRendering Rendering { get; }

    /// <summary>Rows with something to learn.</summary>
    public IReadOnlyList<TrainingRow> Rows { get; }

    /// <summary>The rows in numbers.</summary>
    public DatasetStatistics Statistics { get; }

    /// <summary>The rows as questions; none in plain text.</summary>
    public IEnumerable<Question> Questions
    {
        get
        {
            var reader = new QuestionReader(Rendering, _tokenizer);
            return _source.Zip(_examples)
                .Where(row => row.Second.DropReason is null)
                .Select(row => reader.TryRead(row.First))
                .OfType<Question>();
        }
    }

    /// <summary>Encodes rows on all cores, in order.</summary>
    /// <param name="name">What messages call these rows.</param>
    /// <param name="format">The format prompts must have; null to choose.</param>
    public static EncodedSet Encode(
        string name, IReadOnlyList<DataRow> rows, DataOptions options, Tokenizer? tokenizer, int vocabularySize,
        PromptFormat? format = null)
    {
        var rendering = RowRendering.Choose(rows, options, tokenizer, format);
        var encoder = new RowEncoder(rendering, tokenizer, vocabularySize, options);
        var set = new EncodedSet(name, rows, EncodeAll(rows, encoder), rendering, tokenizer);
        DatasetChecks.RequireTargets(set.Statistics, name, options);
        return set;
    }

    /// <summary>What the user should know about the rows.</summary>
    public IEnumerable<string> Warnings(DataOptions options) =>
        DatasetChecks.Warnings(Statistics, _name, options, _tokenizer);

    /// <summary>The first rows, token by token.</summary>
    public IEnumerable<RowPreview> Preview(int rows) =>
        _examples.Take(rows).Select(example => RowPreview.Of(example, _tokenizer));

    private static EncodedExample[] EncodeAll(IReadOnlyList<DataRow> rows, RowEncoder encoder)
    {
        var results = rows.AsParallel().AsOrdered().Select(row => TryEncode(row, encoder)).ToArray();

        // Of several faulty rows the first is reported, whichever thread met one first.
        if (Array.Find(results, result => result.Fault is not null).Fault is { } first)
            ExceptionDispatchInfo.Throw(first);
        return [.. results.Select(result => result.Example!)];
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
