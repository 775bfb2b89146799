using Lorikeet.Data.Reading;

namespace Lorikeet.Data.Encoded;

/// <summary>A row turned back into a question with known answers, asked as training asked it.</summary>
/// <param name="Text">The question as a person reads it.</param>
/// <param name="Prompt">The question in the format of the training data; empty for rows of tokens.</param>
/// <param name="PromptIds">Tokens of the prompt.</param>
/// <param name="Answers">Texts that count as right; empty where rows of tokens cannot be decoded.</param>
/// <param name="Origin">Where the row was read.</param>
public sealed record Question(
    string Text, string Prompt, int[] PromptIds, IReadOnlyList<string> Answers, RowOrigin Origin);
