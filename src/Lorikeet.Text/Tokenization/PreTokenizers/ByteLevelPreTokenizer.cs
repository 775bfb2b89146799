using Lorikeet.Text.Tokenization.Patterns;

namespace Lorikeet.Text.Tokenization.PreTokenizers;

/// <summary>Spells text as the visible characters of its UTF-8 bytes, as GPT-2 does.</summary>
/// <param name="addsPrefixSpace">Whether a piece that begins with no space gets one.</param>
/// <param name="splits">Whether pieces are cut into words by GPT-2's expression.</param>
/// <param name="spells">Whether bytes are spelled; otherwise the model does that.</param>
internal sealed class ByteLevelPreTokenizer(bool addsPrefixSpace, bool splits, bool spells = true) : IPreTokenizer
{
    private const string Words =
        @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    private readonly SplitPreTokenizer? _splitter =
        splits ? new SplitPreTokenizer(new RegexPattern(Words), SplitBehavior.Isolated) : null;

    public PreTokenizedText PreTokenize(PreTokenizedText text)
    {
        if (addsPrefixSpace)
            text = AddPrefixSpaces(text);
        if (_splitter is not null)
            text = _splitter.PreTokenize(text);
        return spells ? SpellBytes(text) : text;
    }

    /// <summary>The same but for the spelling.</summary>
    public ByteLevelPreTokenizer WithoutSpelling() => new(addsPrefixSpace, splits, spells: false);

    private static PreTokenizedText AddPrefixSpaces(PreTokenizedText text)
    {
        var chars = text.Text.Chars;
        var rewriter = new AlignedText.Rewriter(text.Text, text.Text.Length + text.Pieces.Count);
        var pieces = new List<Piece>(text.Pieces.Count);
        foreach (var piece in text.Pieces)
        {
            var start = rewriter.Length;
            if (piece.Length > 0 && chars[piece.Start] != ' ')
                rewriter.Append(' ', from: piece.Start);
            rewriter.Copy(piece.Start, piece.End);
            pieces.Add(new Piece(start, rewriter.Length));
        }
        return new PreTokenizedText(rewriter.ToText(), pieces);
    }

    private static PreTokenizedText SpellBytes(PreTokenizedText text)
    {
        var rewriter = new AlignedText.Rewriter(text.Text, text.Text.Length + (text.Text.Length / 8));
        var pieces = new List<Piece>(text.Pieces.Count);
        foreach (var piece in text.Pieces)
        {
            var start = rewriter.Length;
            ByteLevelAlphabet.Spell(text.Text, piece.Start, piece.End, rewriter);
            pieces.Add(new Piece(start, rewriter.Length));
        }
        return new PreTokenizedText(rewriter.ToText(), pieces);
    }
}
