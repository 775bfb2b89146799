using Lorikeet.Formats.Options;

namespace Lorikeet.Cli.Inference;

/// <summary>Options of <c>tokenize</c>.</summary>
internal sealed record TokenizeOptions
{
    /// <summary>Folder with a tokenizer (a model's, an adapter's, or a tokenizer alone), or a hub id.</summary>
    /// <value>Required.</value>
    [Option("model", "model_name_or_path", "model_name", "tokenizer", "tokenizer_name_or_path", Placeholder = "DIR|ID",
        Input = "the model",
        Apart = "only its tokenizer is read")]
    public string Model { get; init; } = "";

    /// <summary>Branch, tag or commit of a hub model.</summary>
    /// <value>Not set: the repository's main branch.</value>
    [Option("revision")]
    public string? Revision { get; init; }

    /// <summary>File of rows (jsonl, json, csv, parquet) with text.</summary>
    /// <value>Required.</value>
    [Option("input", Placeholder = "FILE", Input = "the input")]
    public string? Input { get; init; }

    /// <summary>Write a JSON line for each row to this file: ids, offsets (in code points), decoded.</summary>
    /// <value>Not set: stdout.</value>
    [Option("output", Placeholder = "FILE", Output = OutputKind.File)]
    public string? Output { get; init; }

    /// <summary>Column that holds the text.</summary>
    /// <value>text. The name that every shape of data uses.</value>
    [Option("text_field", "dataset_text_field", "text_column")]
    public string TextField { get; init; } = "text";

    /// <summary>Add what the tokenizer puts around a sequence, such as the begin token.</summary>
    /// <value>On, as in transformers.</value>
    [Option("add_special_tokens")]
    public bool AddSpecialTokens { get; init; } = true;

    /// <summary>Leave special tokens out of the decoded text.</summary>
    /// <value>Off, as in transformers.</value>
    [Option("skip_special_tokens")]
    public bool SkipSpecialTokens { get; init; }
}
