using Lorikeet.Data;
using Lorikeet.Formats.Options;
using Lorikeet.Models.Generation;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Cli.Inference;

/// <summary>Options of <c>eval</c>.</summary>
internal sealed record EvalOptions : IInferenceOptions
{
    /// <summary>The model that answers, and where it computes.</summary>
    public InferenceOptions Model { get; init; } = new();

    /// <summary>How the base model is stored, in bitsandbytes' terms.</summary>
    public QuantizationOptions Quantization { get; init; } = new();

    /// <summary>The questions, and what becomes of the answers.</summary>
    public QuestionOptions Questions { get; init; } = new();

    /// <summary>How answers are chosen: the most likely ones, unless said otherwise.</summary>
    public GenerationOptions Generation { get; init; } = new();
}

/// <summary>The questions, and what becomes of the answers.</summary>
internal sealed record QuestionOptions
{
    /// <summary>Questions with answers: a file, a folder or a hub id, in any shape that train reads.</summary>
    /// <value>Required.</value>
    [Option("dataset", "eval_dataset", "eval_file", "data", Placeholder = "FILE|DIR|ID", Input = "the dataset",
        Apart = "it is the data to measure on")]
    public IReadOnlyList<string> Datasets { get; init; } = [];

    /// <summary>Configuration (subset) of a hub dataset.</summary>
    /// <value>Not set: the dataset's default.</value>
    [Option("dataset_config")]
    public string? DatasetConfig { get; init; }

    /// <summary>Branch, tag or commit of a hub dataset.</summary>
    /// <value>Not set: its main branch.</value>
    [Option("dataset_revision")]
    public string? DatasetRevision { get; init; }

    /// <summary>Split whose questions are asked.</summary>
    /// <value>test. A dataset without it falls back to validation, then train.</value>
    [Option("dataset_split", "split", "eval_split", "dataset_test_split")]
    public string Split { get; init; } = "test";

    /// <summary>Ask at most this many rows.</summary>
    /// <value>Not set: all rows.</value>
    [Option("max_eval_samples", Minimum = 1, Unset = "-1")]
    public int? MaxRows { get; init; }

    /// <summary>Names of the columns of csv and tsv files that have no header.</summary>
    /// <value>None: the first line names the columns.</value>
    [Option("csv_columns", Placeholder = "NAMES")]
    public IReadOnlyList<string> CsvColumns { get; init; } = [];

    /// <summary>What separates the cells of csv files; \t is a tab.</summary>
    /// <value>Not set: found among , ; | and tab.</value>
    [Option("csv_separator", Placeholder = "CHAR")]
    public string? CsvSeparator { get; init; }

    /// <summary>What csv files write before a quote in a cell, where quotes are not doubled: \.</summary>
    /// <value>Not set: quotes are doubled.</value>
    [Option("csv_escape", Placeholder = "CHAR")]
    public string? CsvEscape { get; init; }

    /// <summary>What the columns mean.</summary>
    /// <value>auto. Detected from the column names and the first rows.</value>
    [Option("dataset_shape")]
    public DatasetShape Shape { get; init; } = DatasetShape.Auto;

    /// <summary>Column that holds the text of plain rows.</summary>
    /// <value>Not set: text.</value>
    [Option("dataset_text_field")]
    public string? TextField { get; init; }

    /// <summary>Columns of the dataset by the names that shapes use, such as question=Frage.</summary>
    /// <value>Empty: the names are recognised.</value>
    [Option("column_map", Placeholder = "NAME=COLUMN")]
    public IReadOnlyDictionary<string, string> ColumnMap { get; init; } = new Dictionary<string, string>();

    /// <summary>How questions are asked: tokenizer, guanaco, alpaca, ... or a Jinja file.</summary>
    /// <value>The format that the adapter was trained with; without one, as training on this data would ask.</value>
    [Option("chat_template", Placeholder = "NAME|FILE")]
    public string? ChatTemplate { get; init; }

    /// <summary>Also measure the model without the adapter.</summary>
    /// <value>Off: it takes the time again.</value>
    [Option("compare_base")]
    public bool CompareBase { get; init; }

    /// <summary>Write every answer to this file as JSON lines.</summary>
    /// <value>None.</value>
    [Option("predictions", "output", Placeholder = "FILE", Output = OutputKind.File)]
    public string? Predictions { get; init; }

    /// <summary>Questions to show with the answers.</summary>
    /// <value>5. A few, to see what the scores stand for.</value>
    [Option("show", Minimum = 0)]
    public int Shown { get; init; } = 5;

    // As long as any model reads: rows are measured whole.
    private const int LongestRow = 1 << 20;

    /// <summary>The same as data options of a training run.</summary>
    public DataOptions ToDataOptions() => new()
    {
        EvalDatasets = Datasets,
        DatasetConfig = DatasetConfig,
        DatasetRevision = DatasetRevision,
        EvalSplit = Split,
        MaxEvalRows = MaxRows,
        CsvColumns = CsvColumns,
        CsvSeparator = CsvSeparator,
        CsvEscape = CsvEscape,
        Shape = Shape,
        TextField = TextField,
        ColumnMap = ColumnMap,
        ChatTemplate = ChatTemplate,
        MaxLength = LongestRow,
    };
}
