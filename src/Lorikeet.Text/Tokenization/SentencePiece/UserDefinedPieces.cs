using Lorikeet.Text.Tokenization.AddedTokens;
using Lorikeet.Text.Tokenization.Models;
using Lorikeet.Text.Tokenization.PreTokenizers;

namespace Lorikeet.Text.Tokenization.SentencePiece;

/// <summary>Takes user-defined pieces out of the text whole and gives the rest to a model.</summary>
internal sealed class UserDefinedPieces(ITokenModel model, AddedTokenMatcher userDefined) : ITokenModel
{
    public Vocabulary Vocabulary => model.Vocabulary;

    public void Tokenize(AlignedText text, Piece piece, TokenBuffer output)
    {
        foreach (var (token, start, end) in userDefined.Split(text.Chars[piece.Start..piece.End]))
        {
            var part = new Piece(piece.Start + start, piece.Start + end);
            if (token is null)
                model.Tokenize(text, part, output);
            else
                output.Add(token.Id, text.OriginalStart(part.Start), text.OriginalEnd(part.End - 1));
        }
    }
}
