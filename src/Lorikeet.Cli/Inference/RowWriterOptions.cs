using Lorikeet.Formats.Options;
using Lorikeet.Models.Checkpoints;

namespace Lorikeet.Cli.Inference;

/// <summary>The documents, and who writes rows of them.</summary>
internal sealed record RowWriterOptions : ComputeOptions
{
    /// <summary>The folder of documents that make reads, or one document: md, txt, html, pdf, docx.</summary>
    /// <value>Required by make.</value>
    [Option("from", Placeholder = "DIR|FILE", Input = "the documents")]
    public string From { get; init; } = "";

    /// <summary>
    /// Who writes the rows of make: the address of an endpoint that speaks OpenAI's protocol, such as
    /// https://api.openai.com/v1, or a model or adapter, which then runs on this machine.
    /// </summary>
    /// <value>Required by make.</value>
    [Option("with", Placeholder = "URL|DIR|ID")]
    public string With { get; init; } = "";

    /// <summary>The name of the model that an endpoint is to ask.</summary>
    /// <value>Not set: the endpoint's only one.</value>
    [Option("with_model", Placeholder = "NAME")]
    public string? Model { get; init; }

    /// <summary>The environment variable that holds the endpoint's key.</summary>
    /// <value>OPENAI_API_KEY. A key in a command line would stay in the shell's history.</value>
    [Option("api_key_env", Placeholder = "NAME")]
    public string KeyVariable { get; init; } = "OPENAI_API_KEY";

    /// <summary>Tokens of an answer at most.</summary>
    /// <value>Not set: as the endpoint or the model's context allows.</value>
    [Option("max_answer_tokens", Minimum = 1)]
    public int? MaxAnswerTokens { get; init; }

    /// <summary>How freely the writer chooses its words.</summary>
    /// <value>Not set: the endpoint's default; a model of this machine takes the most likely ones.</value>
    [Option("temperature", Minimum = 0)]
    public float? Temperature { get; init; }
}
