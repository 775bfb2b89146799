using System.Data.Common;
using Lorikeet.Configuration;
using Lorikeet.Data;
using Lorikeet.Data.Conversion;
using Lorikeet.Data.Datasets;
using Lorikeet.Data.Prompts;
using Lorikeet.Data.Reading;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Text.Tokenization;

namespace Lorikeet;

/// <summary>
/// What a model learns from or is measured on: files, folders, hub datasets, objects, a query. Rows are encoded when a
/// run or an evaluation first needs them, with the tokenizer of its model, and kept for the next one with the same
/// model.
/// </summary>
/// <remarks>Safe for several threads.</remarks>
public sealed class Dataset : IDisposable
{
    private const long DefaultSeed = 42;

    private readonly Lock _lock = new();
    private readonly Dictionary<EncodingKey, TrainingData> _encoded = [];

    private readonly RowSource? _rows;

    private Dataset(DataOptions options, RowSource? rows = null, string? name = null)
    {
        OptionCatalog.Of<DataOptions>().RequireRanges(options);
        (Options, _rows) = (options, rows);
        Names = name is null ? options.Datasets : [name];
    }

    /// <summary>What reports call the data: the names it was loaded by.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>What is read and how.</summary>
    public DataOptions Options { get; }

    /// <summary>Names a dataset; nothing is read yet.</summary>
    /// <param name="source">A file (json, jsonl, csv, tsv, parquet, txt), a folder or a hub id.</param>
    /// <param name="options">
    /// How to read it: rows to hold out, columns, length, template; null for the defaults.
    /// </param>
    public static Dataset Load(string source, DataOptions? options = null) => Load([source], options);

    /// <summary>Names several datasets, whose rows are joined; nothing is read yet.</summary>
    /// <param name="sources">Files, folders or hub ids.</param>
    /// <param name="options">How to read them; null for the defaults.</param>
    public static Dataset Load(IReadOnlyList<string> sources, DataOptions? options = null) =>
        new((options ?? new DataOptions()) with { Datasets = sources });

    /// <summary>
    /// A dataset of objects: a list, an iterator, or an <c>IQueryable</c> of EF Core. They are enumerated once, now,
    /// and kept in a temporary file until the dataset is disposed.
    /// </summary>
    /// <typeparam name="T">
    /// <see cref="Example"/>; <see cref="string"/> for plain text; <c>JsonObject</c> or a dictionary of columns by
    /// name; or any type with public properties, whose snake_case names are the columns.
    /// </typeparam>
    /// <param name="rows">The rows. A query should order them, so that the same rows are held out each time.</param>
    /// <param name="options">
    /// How to read them: rows to hold out, columns, length, template; null for the defaults.
    /// </param>
    /// <param name="name">What messages and reports call the data.</param>
    /// <exception cref="ConfigurationException">The options name a dataset too.</exception>
    /// <exception cref="DatasetException">A row is no object with columns.</exception>
    public static Dataset From<T>(IEnumerable<T> rows, DataOptions? options = null, string name = "examples") =>
        new(WithoutNames(options), RowSource.From(rows, name), name);

    /// <summary>
    /// A dataset of the rows of a database query, which is read to its end now; the reader stays the caller's.
    /// </summary>
    /// <param name="reader">An open reader before its first row; its columns are those of the rows, by name.</param>
    /// <param name="options">
    /// How to read them: rows to hold out, columns, length, template; null for the defaults.
    /// </param>
    /// <param name="name">What messages and reports call the data.</param>
    /// <exception cref="ConfigurationException">The options name a dataset too.</exception>
    /// <exception cref="DatasetException">Two columns have one name, or a value has no form in JSON.</exception>
    public static Dataset From(DbDataReader reader, DataOptions? options = null, string name = "query") =>
        new(WithoutNames(options), RowSource.From(reader, name), name);

    /// <summary>A dataset of an asynchronous stream, which is read to its end once.</summary>
    /// <typeparam name="T">As for <see cref="From{T}"/>.</typeparam>
    /// <param name="rows">The rows.</param>
    /// <param name="options">
    /// How to read them: rows to hold out, columns, length, template; null for the defaults.
    /// </param>
    /// <param name="name">What messages and reports call the data.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="ConfigurationException">The options name a dataset too.</exception>
    /// <exception cref="DatasetException">A row is no object with columns.</exception>
    /// <exception cref="OperationCanceledException">The reading was ended.</exception>
    public static async Task<Dataset> FromAsync<T>(
        IAsyncEnumerable<T> rows, DataOptions? options = null, string name = "examples",
        CancellationToken cancellation = default) =>
        new(WithoutNames(options), await RowSource.FromAsync(rows, name, cancellation).ConfigureAwait(false), name);

    /// <summary>The rows as a model reads them: token ids, labels, lengths, questions, statistics, warnings.</summary>
    /// <param name="model">The model whose tokenizer and prompt format encode them.</param>
    /// <param name="seed">Chooses the rows that are held out or left out; a run takes that of its options.</param>
    /// <exception cref="DatasetException">The data cannot be read, fits no shape, or would train nothing.</exception>
    public TrainingData Encode(LanguageModel model, long seed = DefaultSeed) =>
        Encode(model.Tokenizer, model.Decoder.Config.VocabularySize, seed, Options.MaxLength, null);

    /// <summary>The same for a model whose weights are not loaded.</summary>
    /// <param name="model">The model's folder; its tokenizer, its shape and perhaps its prompt format are read.</param>
    /// <param name="seed">Chooses the rows that are held out or left out; a run takes that of its options.</param>
    /// <exception cref="CheckpointException">The folder's tokenizer or config.json is damaged.</exception>
    /// <exception cref="DatasetException">The data cannot be read, fits no shape, or would train nothing.</exception>
    public TrainingData Encode(ModelFolder model, long seed = DefaultSeed) =>
        Encode(model.Tokenizer, model.Config.VocabularySize, seed, Options.MaxLength, null);

    /// <summary>
    /// The same for data that a run may refuse, because too many rows teach nothing: to look at them
    /// (<see cref="TrainingData.Preview"/>), their statistics, and why (<see cref="TrainingData.Refusal"/>).
    /// </summary>
    /// <param name="model">The model's folder; its tokenizer and its shape are read.</param>
    /// <param name="seed">Chooses the rows that are held out or left out; a run takes that of its options.</param>
    /// <exception cref="CheckpointException">The folder's tokenizer or config.json is damaged.</exception>
    /// <exception cref="DatasetException">The data cannot be read, or fits no shape.</exception>
    public TrainingData Examine(ModelFolder model, long seed = DefaultSeed) =>
        Encode(model.Tokenizer, model.Config.VocabularySize, seed, Options.MaxLength, null, takesAll: true);

    /// <summary>The first rows as they stand in the data, before anybody knows what their columns mean.</summary>
    /// <param name="rows">How many.</param>
    /// <exception cref="DatasetException">The data cannot be read.</exception>
    public IReadOnlyList<DataRow> Peek(int rows)
    {
        var source = Rows();
        try
        {
            return source.Peek(rows);
        }
        finally
        {
            if (source != _rows)
                source.Dispose();
        }
    }

    /// <summary>
    /// Writes the rows in another file format and, if wanted, in another shape. What was written is read back before it
    /// is kept: every row says the same.
    /// </summary>
    /// <param name="file">The file to write; its ending says the format: jsonl, json, csv, tsv or parquet.</param>
    /// <param name="shape">
    /// <see cref="DatasetShape.Messages"/>, <see cref="DatasetShape.ShareGpt"/>, <see cref="DatasetShape.Instruction"/>
    /// or
    /// <see cref="DatasetShape.QuestionAnswer"/>; auto keeps the columns. Columns that no shape reads go along.
    /// </param>
    /// <param name="leaveOut">
    /// Whether rows that would lose something are left out and counted; else they are refused.
    /// </param>
    /// <exception cref="ConfigurationException">No such format or shape is written.</exception>
    /// <exception cref="DatasetException">A row would lose something, and nothing is written.</exception>
    public ConversionResult Convert(string file, DatasetShape shape = DatasetShape.Auto, bool leaveOut = false) =>
        DatasetConversion.Run(Rows(), Options, file, shape, leaveOut);

    /// <summary>
    /// Divides the rows into two files, so that no question stands in both, however it is spelled: rows that ask the
    /// same stay together.
    /// </summary>
    /// <param name="folder">Where <c>train</c> and <c>test</c> are written; files of these names are replaced.</param>
    /// <param name="seed">Chooses the rows; as many as <see cref="DataOptions.HeldOut"/> says.</param>
    /// <param name="format">
    /// How the files end: <c>.jsonl</c>, <c>.json</c>, <c>.csv</c>, <c>.tsv</c> or <c>.parquet</c>.
    /// </param>
    /// <exception cref="ConfigurationException">Nothing is held out, or nothing would be left.</exception>
    /// <exception cref="DatasetException">The rows cannot be read, or the format cannot hold them.</exception>
    public DivisionResult Split(string folder, long seed = DefaultSeed, string format = ".jsonl") =>
        DatasetDivision.Run(Rows(), Options, folder, (ulong)seed, format);

    /// <summary>Gives mapped and temporary files back. Nothing that was encoded may be used afterwards.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var data in _encoded.Values)
                data.Dispose();
            _encoded.Clear();
            _rows?.Dispose();
        }
    }

    /// <summary>Those that the options of a run name.</summary>
    internal static Dataset Of(DataOptions options) => new(options);

    /// <inheritdoc cref="Encode(LanguageModel, long)"/>
    /// <param name="tokenizer">The model's tokenizer; null for rows of tokens.</param>
    /// <param name="vocabulary">Rows of the model's embedding.</param>
    /// <param name="seed">Chooses the rows that are held out or left out.</param>
    /// <param name="maxLength">Longest row in tokens; null for that of the options.</param>
    /// <param name="format">The format to ask in; null to choose one for the data.</param>
    /// <param name="takesAll">Whether data is taken that a run would refuse.</param>
    /// <param name="preferences">What is learned from preference data.</param>
    internal TrainingData Encode(
        Tokenizer? tokenizer, int vocabulary, long seed = DefaultSeed, int? maxLength = null,
        PromptFormat? format = null, bool takesAll = false, PreferenceUse preferences = PreferenceUse.None)
    {
        var key = new EncodingKey(
            tokenizer, vocabulary, seed, maxLength ?? Options.MaxLength, format?.Hash, takesAll, preferences);
        lock (_lock)
        {
            if (_encoded.TryGetValue(key, out var known))
                return known;
            var options = Options with { MaxLength = key.MaxLength, Preferences = preferences };
            string Fetch(string id) => ModelSource.ResolveDataset(id, Options.DatasetRevision);
            return _encoded[key] = _rows is null
                ? TrainingData.Load(options, (ulong)seed, tokenizer, vocabulary, Fetch, format, takesAll)
                : TrainingData.Load(options, _rows, null, (ulong)seed, tokenizer, vocabulary, Fetch, format, takesAll);
        }
    }

    private RowSource Rows() => _rows
        ?? DatasetReader.ReadTrain(Options, id => ModelSource.ResolveDataset(id, Options.DatasetRevision));

    private static DataOptions WithoutNames(DataOptions? options)
    {
        options ??= new DataOptions();
        return options.Datasets.Count == 0 ? options : throw new ConfigurationException(
            $"The options name the dataset '{options.Datasets[0]}' beside the rows that are given. Give one of them.");
    }

    /// <summary>What an encoding depends on.</summary>
    private sealed record EncodingKey(
        Tokenizer? Tokenizer, int Vocabulary, long Seed, int MaxLength, string? Format, bool TakesAll,
        PreferenceUse Preferences);
}
