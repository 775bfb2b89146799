namespace Lorikeet.Documents.Questions;

/// <summary>A row as its writer gave it.</summary>
/// <param name="Quote">What it rests on.</param>
/// <param name="Question">The question.</param>
/// <param name="Answer">Its answer.</param>
internal sealed record ProposedRow(string Quote, string Question, string Answer);
