namespace Lorikeet.Text.Tokenization.PreTokenizers;

/// <summary>Which pieces get the replacement character in front.</summary>
internal enum PrependScheme
{
    /// <summary>None.</summary>
    Never,

    /// <summary>The piece at the very beginning of the text.</summary>
    First,

    /// <summary>Every piece.</summary>
    Always,
}

/// <summary>Writes spaces as a visible character, as SentencePiece does, and may cut before each of them.</summary>
internal sealed class MetaspacePreTokenizer(char replacement, PrependScheme scheme, bool splits) : IPreTokenizer
{
    public PreTokenizedText PreTokenize(PreTokenizedText text)
    {
        var rewriter = new AlignedText.Rewriter(text.Text, text.Text.Length + text.Pieces.Count);
        var pieces = new List<Piece>(text.Pieces.Count);
        foreach (var piece in text.Pieces)
        {
            var start = rewriter.Length;
            Rewrite(text.Text, piece, rewriter);
            if (rewriter.Length > start)
                pieces.Add(new Piece(start, rewriter.Length));
        }
        var rewritten = rewriter.ToText();
        return new PreTokenizedText(rewritten, splits ? SplitBeforeReplacement(rewritten, pieces) : pieces);
    }

    private void Rewrite(AlignedText text, Piece piece, AlignedText.Rewriter rewriter)
    {
        if (piece.Length == 0)
            return;
        var chars = text.Chars;
        var isPrefixed = chars[piece.Start] == ' ' || chars[piece.Start] == replacement;
        var wantsPrefix = scheme == PrependScheme.Always
            || (scheme == PrependScheme.First && text.OriginalStart(piece.Start) == 0);
        if (wantsPrefix && !isPrefixed)
            rewriter.Append(replacement, from: piece.Start);
        for (var i = piece.Start; i < piece.End; i++)
            rewriter.Append(chars[i] == ' ' ? replacement : chars[i], from: i);
    }

    private List<Piece> SplitBeforeReplacement(AlignedText text, List<Piece> pieces)
    {
        var chars = text.Chars;
        var split = new List<Piece>(pieces.Count);
        foreach (var piece in pieces)
        {
            var start = piece.Start;
            for (var i = piece.Start + 1; i < piece.End; i++)
            {
                if (chars[i] != replacement)
                    continue;
                split.Add(new Piece(start, i));
                start = i;
            }
            split.Add(new Piece(start, piece.End));
        }
        return split;
    }
}
