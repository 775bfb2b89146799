using Lorikeet.Data;
using Lorikeet.Documents.Passages;
using Lorikeet.Documents.Questions;
using Lorikeet.Documents.Reading;
using Lorikeet.Formats.Options;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Cli.Inference;

/// <summary>Options of <c>data</c>.</summary>
internal sealed record DataVerbOptions
{
    /// <summary>What is done with the rows.</summary>
    public DataViewOptions View { get; init; } = new();

    /// <summary>The rows, and how they are read: as train does.</summary>
    public DataOptions Data { get; init; } = new();

    /// <summary>For make: the documents, and who writes rows of them.</summary>
    public RowWriterOptions Writer { get; init; } = new();

    /// <summary>For make: how rows are written and checked.</summary>
    public QuestionWriterOptions Questions { get; init; } = new();

    /// <summary>For make: how documents are cut.</summary>
    public PassageOptions Passages { get; init; } = new();

    /// <summary>For make: what a document may ask of the machine.</summary>
    public DocumentOptions Documents { get; init; } = new();

    /// <summary>For make: how a model that writes is stored.</summary>
    public QuantizationOptions Quantization { get; init; } = new();
}

/// <summary>What is done with the rows.</summary>
internal sealed record DataViewOptions
{
    /// <summary>
    /// The model that is to read them: a folder or a hub id. inspect and stats need it; make counts tokens with it.
    /// </summary>
    /// <value>Not set: convert and split need none.</value>
    [Option("model", "model_name_or_path", "model_name", "tokenizer", "tokenizer_name_or_path", Placeholder = "DIR|ID",
        Input = "the model",
        Apart = "only its tokenizer is read")]
    public string? Model { get; init; }

    /// <summary>Branch, tag or commit of a hub model.</summary>
    /// <value>Not set: the repository's main branch.</value>
    [Option("revision")]
    public string? Revision { get; init; }

    /// <summary>Rows that inspect shows.</summary>
    /// <value>3. A few, to see what is learned of them.</value>
    [Option("rows", Minimum = 1)]
    public int Rows { get; init; } = 3;

    /// <summary>
    /// The file that convert writes, whose ending says the format (jsonl, json, csv, tsv, parquet); the folder into
    /// which split writes train and test; the jsonl that make writes, with its other files beside it.
    /// </summary>
    /// <value>Required by all three.</value>
    [Option("output", Placeholder = "FILE|DIR")]
    public string Output { get; init; } = "";

    /// <summary>The shape that convert gives the rows: messages, sharegpt, alpaca or qa.</summary>
    /// <value>auto. The columns stay as they are.</value>
    [Option("to_shape")]
    public DatasetShape ToShape { get; init; } = DatasetShape.Auto;

    /// <summary>Leave rows out that would lose something in the new shape.</summary>
    /// <value>Off: such rows are named, and nothing is written.</value>
    [Option("leave_out")]
    public bool LeaveOut { get; init; }

    /// <summary>The format that split writes: jsonl, json, csv, tsv or parquet.</summary>
    /// <value>jsonl. Holds every row.</value>
    [Option("format")]
    public string Format { get; init; } = "jsonl";

    /// <summary>Chooses the rows that are held out.</summary>
    /// <value>42, as of train.</value>
    [Option("seed")]
    public long Seed { get; init; } = 42;
}
