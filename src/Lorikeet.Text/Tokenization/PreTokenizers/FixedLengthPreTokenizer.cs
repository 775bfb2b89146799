using System.Text;

namespace Lorikeet.Text.Tokenization.PreTokenizers;

/// <summary>Cuts every piece after each so many characters.</summary>
internal sealed class FixedLengthPreTokenizer(int length) : IPreTokenizer
{
    public PreTokenizedText PreTokenize(PreTokenizedText text)
    {
        var pieces = new List<Piece>();
        foreach (var piece in text.Pieces)
        {
            for (var start = piece.Start; start < piece.End; start = pieces[^1].End)
                pieces.Add(new Piece(start, EndOfCharacters(text.Text.Chars, start, piece.End)));
        }
        return text with { Pieces = pieces };
    }

    private int EndOfCharacters(ReadOnlySpan<char> chars, int start, int limit)
    {
        for (var i = 0; i < length && start < limit; i++)
        {
            _ = Rune.DecodeFromUtf16(chars[start..limit], out _, out var units);
            start += units;
        }
        return start;
    }
}
