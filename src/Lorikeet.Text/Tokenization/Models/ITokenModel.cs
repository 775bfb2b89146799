using Lorikeet.Text.Tokenization.PreTokenizers;

namespace Lorikeet.Text.Tokenization.Models;

/// <summary>Turns a piece of text into tokens of a vocabulary.</summary>
internal interface ITokenModel
{
    Vocabulary Vocabulary { get; }

    /// <summary>Appends the tokens of one piece, with their ranges in the original text.</summary>
    void Tokenize(AlignedText text, Piece piece, TokenBuffer output);
}
