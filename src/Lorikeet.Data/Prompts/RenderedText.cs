namespace Lorikeet.Data.Prompts;

/// <summary>A row as the model reads it, and what of it is an answer.</summary>
/// <param name="Text">The text.</param>
/// <param name="Answers">
/// Half-open ranges of UTF-16 code units, ascending and apart; null where nothing separates an answer from the rest.
/// </param>
internal sealed record RenderedText(string Text, IReadOnlyList<(int Start, int End)>? Answers);
