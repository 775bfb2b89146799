using Lorikeet.Text.Tokenization.AddedTokens;
using Lorikeet.Text.Tokenization.Models;

namespace Lorikeet.Text.Tokenization.SentencePiece;

/// <summary>Takes user-defined pieces out of the text whole and gives the rest to a model.</summary>
internal sealed class UserDefinedPieces(ITokenModel model, AddedTokenMatcher userDefined) : ITokenModel
{
    public Vocabulary Vocabulary => model.Vocabulary;

    public void Tokenize(ReadOnlySpan<char> piece, int start, TokenBuffer output)
    {
        foreach (var (token, first, end) in userDefined.Split(piece))
        {
            if (token is null)
                model.Tokenize(piece[first..end], start + first, output);
            else
                output.Add(token.Id, start + first, start + end);
        }
    }
}
