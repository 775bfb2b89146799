namespace Lorikeet.Text.Tokenization.Models;

/// <summary>A token for every whole piece.</summary>
/// <param name="vocabulary">The tokens.</param>
/// <param name="unknown">The token for pieces the vocabulary lacks; without one they are dropped.</param>
internal sealed class WordLevelModel(Vocabulary vocabulary, int? unknown) : ITokenModel
{
    public Vocabulary Vocabulary => vocabulary;

    public void Tokenize(ReadOnlySpan<char> piece, int start, TokenBuffer output)
    {
        var token = vocabulary.TryGetId(piece, out var id) ? id : unknown;
        if (token is { } known)
            output.Add(known, start, start + piece.Length);
    }
}
