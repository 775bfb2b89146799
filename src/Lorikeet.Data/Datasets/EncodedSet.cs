using Lorikeet.Data.Encoded;
using Lorikeet.Data.Reading;
using Lorikeet.Data.Storage;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Data.Datasets;

/// <summary>One side of a run's data, encoded.</summary>
internal sealed class EncodedSet : IDisposable
{
    private readonly string _name;
    private readonly RowSource _source;
    private readonly RowEncoder _encoder;
    private readonly HashSet<int> _dropped;
    private readonly Tokenizer? _tokenizer;

    /// <param name="name">What messages call these rows.</param>
    /// <param name="source">The rows as they were read.</param>
    /// <param name="rendering">How they became text.</param>
    /// <param name="encoder">How that became tokens.</param>
    /// <param name="tokenizer">The model's tokenizer, if it has one.</param>
    /// <param name="encoded">What they became.</param>
    public EncodedSet(
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

    /// <summary>What was wrong with the token cache; null when nothing was.</summary>
    public string? CacheDamage { get; init; }

    /// <summary>Where rows were read, and what they ask; null where they come from the token cache.</summary>
    public IReadOnlyList<(RowOrigin Origin, RowKeys Keys)>? Asked { get; init; }

    /// <summary>The rows as questions, read anew; none in plain text.</summary>
    public IEnumerable<Question> Questions
    {
        get
        {
            var reader = new QuestionReader(Rendering, _tokenizer);
            return _source.Rows.Where((_, index) => !_dropped.Contains(index))
                .Select(reader.TryRead).OfType<Question>();
        }
    }

    /// <summary>The first row that is learned from, in one line with what is learned between ⟦ and ⟧.</summary>
    public string FirstRow => RowPreview.Line(Rows[0], _tokenizer);

    /// <summary>Makes sure that there is something to learn.</summary>
    /// <exception cref="DatasetException">There is not.</exception>
    public void RequireTargets(DataOptions options) => DatasetChecks.RequireTargets(Statistics, _name, options);

    /// <summary>Why there is too little to learn; null where there is not.</summary>
    public string? Refusal(DataOptions options)
    {
        try
        {
            RequireTargets(options);
            return null;
        }
        catch (DatasetException refused)
        {
            return refused.Message;
        }
    }

    /// <summary>What the user should know about the rows.</summary>
    public IEnumerable<string> Warnings(DataOptions options)
    {
        var warnings = DatasetChecks.Warnings(Statistics, _name, options, _tokenizer);
        return CacheDamage is null ? warnings : warnings.Prepend(CacheDamage);
    }

    /// <summary>The first rows, token by token.</summary>
    public IEnumerable<RowPreview> Preview(int rows) =>
        _source.Rows.Take(rows).Select(row =>
        {
            var rendered = Rendering.Render(row);
            return RowPreview.Of(_encoder.Encode(rendered), _encoder.EncodeWhole(rendered), _tokenizer);
        });

    /// <summary>Gives mapped files back.</summary>
    public void Dispose() => (Rows as IDisposable)?.Dispose();
}
