namespace Lorikeet.Text.Tokenization.Models;

/// <summary>
/// Gives a BPE model word after word of a text whose spaces are visible. That changes nothing where no merge joins
/// another character with a visible space after it: then no token reaches over the beginning of a word.
/// </summary>
internal sealed class MetaspaceWords(ITokenModel model) : ITokenModel
{
    public Vocabulary Vocabulary => model.Vocabulary;

    public void Tokenize(ReadOnlySpan<char> piece, int start, TokenBuffer output)
    {
        while (piece.Length > 0)
        {
            var length = LengthOfWord(piece);
            model.Tokenize(piece[..length], start, output);
            piece = piece[length..];
            start += length;
        }
    }

    // Visible spaces, then everything up to the next one.
    private static int LengthOfWord(ReadOnlySpan<char> text)
    {
        var spaces = text.IndexOfAnyExcept(Metaspace.Symbol);
        if (spaces < 0)
            return text.Length;
        var others = text[spaces..].IndexOf(Metaspace.Symbol);
        return others < 0 ? text.Length : spaces + others;
    }
}
