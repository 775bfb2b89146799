using Lorikeet.Formats.Options;

namespace Lorikeet.Cli.Inference;

/// <summary>Options of <c>render</c>.</summary>
internal sealed record RenderOptions
{
    /// <summary>Folder whose tokenizer brings the template and its special tokens, or a hub id.</summary>
    /// <value>Either this or template is required; with both, the template renders with the model's tokens.</value>
    [Option("model", "model_name_or_path", "model_name", "tokenizer", "tokenizer_name_or_path", Placeholder = "DIR|ID",
        Input = "the model",
        Apart = "only its tokenizer is read")]
    public string? Model { get; init; }

    /// <summary>Branch, tag or commit of a hub model.</summary>
    /// <value>Not set: the repository's main branch.</value>
    [Option("revision")]
    public string? Revision { get; init; }

    /// <summary>Jinja file, or the name of a built-in format such as guanaco.</summary>
    /// <value>Not set: the model's own template.</value>
    [Option("template", "chat_template", "chat_template_path", Placeholder = "FILE|NAME", Input = "the template")]
    public string? Template { get; init; }

    /// <summary>
    /// File of rows with messages, perhaps tools, add_generation_prompt and variables (bos_token ...).
    /// </summary>
    /// <value>Required.</value>
    [Option("input", Placeholder = "FILE", Input = "the input")]
    public string? Input { get; init; }

    /// <summary>
    /// Write a JSON line for each row to this file: text and assistant_spans (in code points), or error.
    /// </summary>
    /// <value>Not set: stdout.</value>
    [Option("output", Placeholder = "FILE", Output = OutputKind.File)]
    public string? Output { get; init; }

    /// <summary>Day that templates print which ask for the date, such as 2026-11-23.</summary>
    /// <value>Not set: today.</value>
    [Option("date", Placeholder = "YYYY-MM-DD")]
    public string? Date { get; init; }
}
