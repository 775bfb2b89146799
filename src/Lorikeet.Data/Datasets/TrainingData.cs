using Lorikeet.Data.Batches;
using Lorikeet.Data.Encoded;
using Lorikeet.Data.Prompts;
using Lorikeet.Data.Reading;
using Lorikeet.Data.Shapes;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Data.Datasets;

/// <summary>Everything a run learns from: rows, how they came to be, and what should be known about them.</summary>
public sealed class TrainingData : IDisposable
{
    private readonly EncodedSet _train;
    private readonly EncodedSet? _eval;
    private (BatchPlanOptions Options, BatchPlan Plan)? _batches;

    private TrainingData(EncodedSet train, EncodedSet? eval, DataOptions options)
    {
        (_train, _eval) = (train, eval);
        Repetitions = train.Asked is { } trained && (eval is null || eval.Asked is not null)
            ? DatasetRepetitions.Of(trained, eval?.Asked ?? [])
            : null;
        (TrainLengths, EvalLengths) = (TrainingRow.LengthsOf(Train), TrainingRow.LengthsOf(Eval));
        Warnings =
        [
            .. DatasetChecks.UnusedColumns("The training data", train.Rendering.Columns),
            .. DatasetChecks.OtherWords("The training data", train.Rendering),
            .. DatasetChecks.OneSided(train.Rows, options),
            .. DatasetChecks.HeldOut(train.Statistics, eval?.Statistics, options),
            .. train.Warnings(options),
            .. eval?.Warnings(options) ?? [],
            .. DatasetChecks.Leaks(train.Rows, eval?.Rows ?? [], Repetitions),
            .. DatasetChecks.Duplicates(train.Statistics, Repetitions),
        ];
    }

    /// <summary>Rows to train on, in the order of the data.</summary>
    public IReadOnlyList<TrainingRow> Train => _train.Rows;

    /// <summary>Held-out rows; empty when nothing is held out.</summary>
    public IReadOnlyList<TrainingRow> Eval => _eval?.Rows ?? [];

    /// <summary>Tokens of each row to train on.</summary>
    public IReadOnlyList<int> TrainLengths { get; }

    /// <summary>Tokens of each held-out row.</summary>
    public IReadOnlyList<int> EvalLengths { get; }

    /// <summary>The training rows in numbers.</summary>
    public DatasetStatistics TrainStatistics => _train.Statistics;

    /// <summary>The held-out rows in numbers; null when nothing is held out.</summary>
    public DatasetStatistics? EvalStatistics => _eval?.Statistics;

    /// <summary>What the columns of the training data mean.</summary>
    public DatasetShape Shape => _train.Rendering.Shape.Kind;

    /// <summary>One line about the shape, for the user.</summary>
    public string ShapeDescription => _train.Rendering.Shape.Description;

    /// <summary>The shape, the columns that are read and those that are not, in one line.</summary>
    public string ShapeSummary => _train.Rendering.Summary;

    /// <summary>The columns of the training data: those that are read, then the others that hold something.</summary>
    public IReadOnlyList<ReadColumn> Columns =>
    [
        .. _train.Rendering.Columns.Used.Select(
            name => new ReadColumn(name, _train.Rendering.Columns.Parts.GetValueOrDefault(name, name))),
        .. _train.Rendering.Columns.Unused.Select(name => new ReadColumn(name, null)),
    ];

    /// <summary>How prompts are written; to be kept beside the adapter.</summary>
    public PromptFormat Format => _train.Rendering.Format;

    /// <summary>
    /// Whether the training rows, as far as the first of them show, are single questions with nothing before them.
    /// </summary>
    private bool HasSingleTurns
    {
        get
        {
            const int looked = 200;
            var questions = _train.Questions.Take(looked).ToList();
            return questions.Count > 0
                && questions.All(question => question.Prompt == Format.RenderPrompt(question.Text));
        }
    }

    /// <summary>Why a run would refuse the data, such as rows that teach nothing; null where it would not.</summary>
    public string? Refusal { get; private init; }

    /// <summary>
    /// What rows have in common although it is written differently; null for rows of the token cache, which are
    /// compared
    /// token by token alone.
    /// </summary>
    public DatasetRepetitions? Repetitions { get; }

    /// <summary>What the user may intend but should know.</summary>
    public IReadOnlyList<string> Warnings { get; }

    /// <summary>The questions of the held-out rows, else of the training rows; none in plain text.</summary>
    public IEnumerable<Question> Questions => (_eval ?? _train).Questions;

    /// <summary>The questions of the training rows; none in plain text.</summary>
    public IEnumerable<Question> TrainQuestions => _train.Questions;

    /// <summary>The first training rows, token by token.</summary>
    public IEnumerable<RowPreview> Preview(int rows) => _train.Preview(rows);

    /// <summary>
    /// The first training row that is learned from, in one line with what is learned between ⟦ and ⟧.
    /// </summary>
    public string FirstRow => _train.FirstRow;

    /// <summary>The batches of the training rows, planned once for the same options.</summary>
    /// <param name="options">Sizes, order and packing.</param>
    public BatchPlan PlanBatches(BatchPlanOptions options)
    {
        if (_batches is not { } known || known.Options != options)
            _batches = known = (options, new BatchPlan(TrainLengths, options));
        return known.Plan;
    }

    /// <summary>Reads, splits, renders and encodes the data of a run.</summary>
    /// <param name="data">What to read and how.</param>
    /// <param name="seed">Of the choice of rows that are held out or left out.</param>
    /// <param name="tokenizer">The model's tokenizer; null for a model without one, which needs rows of tokens.</param>
    /// <param name="vocabularySize">Rows of the model's embedding.</param>
    /// <param name="fetchFromHub">Turns a hub id into the folder of its snapshot; null for local data only.</param>
    /// <param name="format">
    /// The format of an adapter that is continued or scored; null to choose one for the data.
    /// </param>
    /// <param name="takesAll">
    /// Whether data is loaded that would train nothing, to look at it; <see cref="Refusal"/> says why.
    /// </param>
    /// <exception cref="DatasetException">The data cannot be read, fits no shape, or would train nothing.</exception>
    public static TrainingData Load(
        DataOptions data, ulong seed, Tokenizer? tokenizer, int vocabularySize,
        Func<string, string>? fetchFromHub = null,
        PromptFormat? format = null, bool takesAll = false)
    {
        var train = DatasetReader.ReadTrain(data, fetchFromHub);
        return Load(
            data, (train, DatasetReader.ReadEval(data, fetchFromHub)), seed, tokenizer, vocabularySize, format,
            takesAll);
    }

    /// <summary>The same with rows made in code, which <see cref="RowSource.From{T}"/> takes.</summary>
    /// <param name="data">How to read the rows; it names no dataset.</param>
    /// <param name="train">
    /// Rows to train on. They are asked for again when questions are, so dispose them after the data.
    /// </param>
    /// <param name="eval">
    /// Held-out rows; null for those that <paramref name="data"/> names or takes of <paramref name="train"/>.
    /// </param>
    /// <param name="seed">Of the choice of rows that are held out or left out.</param>
    /// <param name="tokenizer">The model's tokenizer; null for a model without one, which needs rows of tokens.</param>
    /// <param name="vocabularySize">Rows of the model's embedding.</param>
    /// <param name="fetchFromHub">Turns a hub id into the folder of its snapshot; null for local data only.</param>
    /// <param name="format">
    /// The format of an adapter that is continued or scored; null to choose one for the data.
    /// </param>
    /// <param name="takesAll">
    /// Whether data is loaded that would train nothing, to look at it; <see cref="Refusal"/> says why.
    /// </param>
    /// <exception cref="DatasetException">The data cannot be read, fits no shape, or would train nothing.</exception>
    /// <exception cref="ConfigurationException">The options name a dataset too.</exception>
    public static TrainingData Load(
        DataOptions data, RowSource train, RowSource? eval, ulong seed, Tokenizer? tokenizer, int vocabularySize,
        Func<string, string>? fetchFromHub = null, PromptFormat? format = null, bool takesAll = false)
    {
        DatasetReader.RequireNone(data, eval);
        eval ??= DatasetReader.ReadEval(data, fetchFromHub);
        return Load(data, (train, eval), seed, tokenizer, vocabularySize, format, takesAll);
    }

    private static TrainingData Load(
        DataOptions data, (RowSource Train, RowSource? Eval) rows, ulong seed, Tokenizer? tokenizer, int vocabularySize,
        PromptFormat? format, bool takesAll)
    {
        var rendering = RenderingChoice.Choose(rows.Train, data, tokenizer, format);
        var evalRendering = rows.Eval is null
            ? rendering
            : RenderingChoice.Choose(rows.Eval, data, tokenizer, rendering.Format);
        var encoding = new DataEncoding(data, tokenizer, vocabularySize, takesAll);
        var (trainSet, evalSet) = encoding.Encode(
            RowSplit.Of(rows.Train, rendering, data, seed), rendering, "The training data", "The held-out data");
        if (rows.Eval is { } eval)
        {
            var limited = data.MaxEvalRows is { } limit ? eval.First(limit) : eval;
            evalSet = encoding.Encode("The held-out data", limited, evalRendering);
        }

        var loaded = new TrainingData(trainSet, evalSet, data)
        {
            Refusal = takesAll ? trainSet.Refusal(data) ?? evalSet?.Refusal(data) : null,
        };
        if (format is null)
            loaded.Format.IsSingleTurn = loaded.HasSingleTurns;
        return loaded;
    }

    /// <summary>Gives the files of the token cache back.</summary>
    public void Dispose()
    {
        _train.Dispose();
        _eval?.Dispose();
    }
}
