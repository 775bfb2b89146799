using Lorikeet.Data.Encoded;
using Lorikeet.Data.Prompts;
using Lorikeet.Data.Reading;
using Lorikeet.Text.Tokenization;

namespace Lorikeet.Data.Datasets;

/// <summary>Data to measure a model on, read and asked exactly as training would.</summary>
public sealed class EvaluationSet
{
    private EvaluationSet(EncodedSet set, DataOptions options)
    {
        (Questions, Rows, Format) = ([.. set.Questions], set.Rows, set.Rendering.Format);
        Warnings =
        [
            .. DatasetChecks.UnusedColumns("The evaluation data", set.Rendering.Columns),
            .. DatasetChecks.OtherWords("The evaluation data", set.Rendering),
            .. set.Warnings(options),
        ];
    }

    /// <summary>A set made in code.</summary>
    /// <param name="questions">What is asked; may be empty.</param>
    /// <param name="rows">The same rows with labels on the answers.</param>
    /// <param name="format">How the prompts were written, for its stop strings.</param>
    public EvaluationSet(IReadOnlyList<Question> questions, IReadOnlyList<TrainingRow> rows, PromptFormat format) =>
        (Questions, Rows, Format, Warnings) = (questions, rows, format, []);

    /// <summary>What is asked; empty for plain text, which has a perplexity only.</summary>
    public IReadOnlyList<Question> Questions { get; }

    /// <summary>The rows with labels on what training would learn: the answers.</summary>
    public IReadOnlyList<TrainingRow> Rows { get; }

    /// <summary>How prompts are written.</summary>
    public PromptFormat Format { get; }

    /// <summary>What the user should know about the data.</summary>
    public IReadOnlyList<string> Warnings { get; }

    /// <summary>Reads the evaluation data that the options name.</summary>
    /// <param name="options"><see cref="DataOptions.EvalDatasets"/>, and how to read them.</param>
    /// <param name="tokenizer">The model's tokenizer; null for a model without one, which needs rows of tokens.</param>
    /// <param name="vocabularySize">Rows of the model's embedding.</param>
    /// <param name="format">The format that the adapter was trained with; null to choose as training would.</param>
    /// <param name="fetchFromHub">
    /// Turns a dataset's hub id into the folder of its snapshot; null for local data only.
    /// </param>
    /// <exception cref="DatasetException">The data cannot be read, or nothing in it can be scored.</exception>
    public static EvaluationSet Load(
        DataOptions options, Tokenizer? tokenizer, int vocabularySize, PromptFormat? format = null,
        Func<string, string>? fetchFromHub = null)
    {
        var rows = DatasetReader.ReadEval(options, fetchFromHub)
            ?? throw new ConfigurationException("No data is named. Name a file, a folder or a hub id by 'dataset'.");
        return Load(options, rows, tokenizer, vocabularySize, format);
    }

    /// <summary>The same with rows made in code, which <see cref="RowSource.From{T}"/> takes.</summary>
    /// <param name="options">How to read the rows.</param>
    /// <param name="rows">The rows, read once more for their questions and then not again.</param>
    /// <param name="tokenizer">The model's tokenizer; null for a model without one, which needs rows of tokens.</param>
    /// <param name="vocabularySize">Rows of the model's embedding.</param>
    /// <param name="format">The format that the adapter was trained with; null to choose as training would.</param>
    /// <exception cref="DatasetException">The data cannot be read, or nothing in it can be scored.</exception>
    public static EvaluationSet Load(
        DataOptions options, RowSource rows, Tokenizer? tokenizer, int vocabularySize, PromptFormat? format = null)
    {
        if (options.MaxEvalRows is { } limit)
            rows = rows.First(limit);
        var rendering = RenderingChoice.Choose(rows, options, tokenizer, format);
        return new EvaluationSet(
            new DataEncoding(options, tokenizer, vocabularySize)
                .Encode("The evaluation data", rows, rendering), options);
    }
}
