namespace Lorikeet.Text.Tokenization.Models;

/// <summary>Turns a piece of text into tokens of a vocabulary.</summary>
internal interface ITokenModel
{
    Vocabulary Vocabulary { get; }

    /// <summary>Appends the tokens of a piece.</summary>
    /// <param name="piece">The piece.</param>
    /// <param name="start">Where the piece begins; added to the ranges of its tokens.</param>
    /// <param name="output">The tokens with their ranges in UTF-16 units.</param>
    void Tokenize(ReadOnlySpan<char> piece, int start, TokenBuffer output);
}
