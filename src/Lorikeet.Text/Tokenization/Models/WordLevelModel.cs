using Lorikeet.Text.Tokenization.PreTokenizers;

namespace Lorikeet.Text.Tokenization.Models;

/// <summary>A token for every whole piece.</summary>
/// <param name="vocabulary">The tokens.</param>
/// <param name="unknown">The token for pieces the vocabulary lacks; without one they are dropped.</param>
internal sealed class WordLevelModel(Vocabulary vocabulary, int? unknown) : ITokenModel
{
    public Vocabulary Vocabulary => vocabulary;

    public void Tokenize(AlignedText text, Piece piece, TokenBuffer output)
    {
        var token = vocabulary.TryGetId(text.Chars[piece.Start..piece.End], out var id) ? id : unknown;
        if (token is { } known)
            output.Add(known, text.OriginalStart(piece.Start), text.OriginalEnd(piece.End - 1));
    }
}
