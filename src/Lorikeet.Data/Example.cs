namespace Lorikeet.Data;

/// <summary>One row to learn from, made in code: what a line of a data file would say.</summary>
/// <remarks>
/// Fill in the properties of one shape: question and answer, a conversation, an instruction and its output, plain text,
/// or token ids. Rows of a dataset should all have the same one. The model learns the answer, what assistants say in
/// a conversation, the output, or the whole text. Any other type works as well: its properties are columns (see
/// <see cref="Reading.RowSource.From{T}"/>).
/// </remarks>
public sealed record Example
{
    /// <summary>An example whose properties are still to be filled in.</summary>
    public Example()
    {
    }

    /// <summary>A question and its answer.</summary>
    /// <param name="question">What is asked.</param>
    /// <param name="answer">What the model is to answer.</param>
    public Example(string question, string answer) => (Question, Answer) = (question, answer);

    /// <summary>What is asked.</summary>
    public string? Question { get; init; }

    /// <summary>The answer to <see cref="Question"/>, which is learned.</summary>
    public string? Answer { get; init; }

    /// <summary>A passage that <see cref="Question"/> is about; null for none.</summary>
    public string? Context { get; init; }

    /// <summary>The turns of a conversation, in order; what assistants say is learned.</summary>
    public IReadOnlyList<ChatMessage>? Messages { get; init; }

    /// <summary>A task, as Alpaca words it.</summary>
    public string? Instruction { get; init; }

    /// <summary>What <see cref="Instruction"/> is to be applied to; null for none.</summary>
    public string? Input { get; init; }

    /// <summary>The result of <see cref="Instruction"/>, which is learned.</summary>
    public string? Output { get; init; }

    /// <summary>A beginning that <see cref="Completion"/> continues, without any template between them.</summary>
    public string? Prompt { get; init; }

    /// <summary>The continuation of <see cref="Prompt"/>, which is learned.</summary>
    public string? Completion { get; init; }

    /// <summary>Plain text, all of which is learned.</summary>
    public string? Text { get; init; }

    /// <summary>Token ids of a row that is tokenized already.</summary>
    public IReadOnlyList<int>? InputIds { get; init; }

    /// <summary>
    /// As long as <see cref="InputIds"/>: the id where the token is learned, <see cref="TrainingRow.Ignored"/>
    /// elsewhere; null to learn every token.
    /// </summary>
    public IReadOnlyList<int>? Labels { get; init; }

    /// <summary>Instructions to the model that precede the question or conversation; null for none.</summary>
    public string? System { get; init; }
}
