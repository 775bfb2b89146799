using Lorikeet.Text.Tokenization.PreTokenizers;

namespace Lorikeet.Text.Tokenization.Models;

/// <summary>Gives a model the visible characters of a piece's UTF-8 bytes instead of its own.</summary>
internal sealed class ByteLevelModel(ITokenModel model) : ITokenModel
{
    public Vocabulary Vocabulary => model.Vocabulary;

    public void Tokenize(ReadOnlySpan<char> piece, int start, TokenBuffer output)
    {
        var spelled = ByteLevelAlphabet.Spell(new AlignedText(piece.ToString().AsMemory(), start));
        var first = output.Count;
        model.Tokenize(spelled.Chars, start: 0, output);
        output.Align(first, spelled);
    }
}
