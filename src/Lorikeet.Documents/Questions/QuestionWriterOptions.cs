using Lorikeet.Documents.Passages;
using Lorikeet.Documents.Reading;
using Lorikeet.Formats.Options;
using Microsoft.Extensions.AI;

namespace Lorikeet.Documents.Questions;

/// <summary>How questions and answers are made of documents.</summary>
public sealed record QuestionWriterOptions
{
    /// <summary>What a document may ask of the machine.</summary>
    public DocumentOptions Documents { get; init; } = new();

    /// <summary>How documents are cut.</summary>
    public PassageOptions Passages { get; init; } = new();

    /// <summary>Questions to ask of a passage, at most.</summary>
    /// <value>3. A passage of 256 tokens holds about as many facts that are worth a question.</value>
    [Option("questions_per_passage", Minimum = 1, Maximum = 50)]
    public int PerPassage { get; init; } = 3;

    /// <summary>What else the writer is told, such as who asks and what about.</summary>
    /// <value>Nothing.</value>
    [Option("instructions", Placeholder = "TEXT", Verbatim = true)]
    public string Instructions { get; init; } = "";

    /// <summary>How the form of an answer is asked for.</summary>
    /// <value>json_schema. An endpoint that refuses it is asked with json_object, or text.</value>
    [Option("response_format")]
    public AnswerForm Form { get; init; } = AnswerForm.JsonSchema;

    /// <summary>
    /// Let the writer choose its quotes among the sentences of the passage, and bound the lengths of what it writes.
    /// </summary>
    /// <value>Off for endpoints, on for models of this machine: small models copy badly.</value>
    [Option("guided")]
    public bool Guided { get; init; }

    /// <summary>
    /// Further tries where an answer is not of the form, or none of its quotes stands in the passage.
    /// </summary>
    /// <value>2.</value>
    [Option("retries", Minimum = 0, Maximum = 20)]
    public int Retries { get; init; } = 2;

    /// <summary>
    /// Share of an answer's words that has to stand in its passage, and with it all of its numbers; 0 for none.
    /// </summary>
    /// <value>0.5. Answers may be put in other words, and are not made up.</value>
    [Option("answer_support", Minimum = 0, Maximum = 1)]
    public double AnswerSupport { get; init; } = 0.5;

    /// <summary>Passages that are asked about at once.</summary>
    /// <value>4.</value>
    [Option("concurrency", Minimum = 1, Maximum = 1024)]
    public int Concurrency { get; init; } = 4;

    /// <summary>Requests a minute, at most.</summary>
    /// <value>Not set: as fast as they are answered.</value>
    [Option("requests_per_minute", Minimum = 1)]
    public int? RequestsPerMinute { get; init; }

    /// <summary>Seconds to wait for one answer.</summary>
    /// <value>300.</value>
    [Option("request_seconds", Above = 0)]
    public double RequestSeconds { get; init; } = 300;

    /// <summary>Passages without an answer, one after another, after which nobody is asked any more.</summary>
    /// <value>5. Something is wrong then, and asking costs.</value>
    [Option("max_failures", Minimum = 1)]
    public int MaxFailures { get; init; } = 5;

    /// <summary>Rows that are held out: a share below 1, or a number of rows.</summary>
    public double HeldOut { get; init; }

    /// <summary>What stays on one side when rows are held out: all of a document, or all of a passage.</summary>
    /// <value>
    /// document. Passages of one document know of each other; of a single document, passages are divided.
    /// </value>
    [Option("split_by")]
    public SplitUnit SplitBy { get; init; } = SplitUnit.Document;

    /// <summary>Chooses what is held out.</summary>
    public long Seed { get; init; } = 42;

    /// <summary>
    /// Give the passage to learn with its question, in the column context: reading instead of remembering.
    /// </summary>
    /// <value>Off: the question alone is learned. The passage stands in a column that no training reads.</value>
    [Option("with_context")]
    public bool WithContext { get; init; }

    /// <summary>
    /// What every request brings besides: model, temperature, limits of tokens. Its response format is replaced.
    /// </summary>
    public ChatOptions? Chat { get; init; }
}

/// <summary>How the form of an answer is asked for.</summary>
public enum AnswerForm
{
    /// <summary>By a JSON schema.</summary>
    JsonSchema,

    /// <summary>As any JSON object; the prompt says which.</summary>
    JsonObject,

    /// <summary>By the prompt alone.</summary>
    Text,
}

/// <summary>What is never divided between training and held-out rows.</summary>
public enum SplitUnit
{
    /// <summary>The rows of a document.</summary>
    Document,

    /// <summary>The rows of a passage.</summary>
    Passage,
}
