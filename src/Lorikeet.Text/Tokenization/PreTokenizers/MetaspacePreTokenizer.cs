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
        var rewritten = text.IsWhole ? PreTokenizedText.Whole(Rewrite(text.Text)) : RewritePieces(text);
        return splits ? SplitBeforeReplacement(rewritten) : rewritten;
    }

    private AlignedText Rewrite(AlignedText text) =>
        (WantsPrefix(text, 0) ? text.Prepend(replacement.ToString()) : text).Replace(' ', replacement);

    private PreTokenizedText RewritePieces(PreTokenizedText text)
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
        return new PreTokenizedText(rewriter.ToText(), pieces);
    }

    private void Rewrite(AlignedText text, Piece piece, AlignedText.Rewriter rewriter)
    {
        var chars = text.Chars;
        if (piece.Length > 0 && WantsPrefix(text, piece.Start))
            rewriter.Append(replacement, from: piece.Start);
        for (var i = piece.Start; i < piece.End; i++)
            rewriter.Append(chars[i] == ' ' ? replacement : chars[i], from: i);
    }

    private bool WantsPrefix(AlignedText text, int start)
    {
        if (text.Length == 0 || text.Chars[start] == ' ' || text.Chars[start] == replacement)
            return false;
        return scheme == PrependScheme.Always || (scheme == PrependScheme.First && text.OriginalStart(start) == 0);
    }

    private PreTokenizedText SplitBeforeReplacement(PreTokenizedText text)
    {
        var chars = text.Text.Chars;
        var split = new List<Piece>(text.Pieces.Count);
        foreach (var piece in text.Pieces)
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
        return text with { Pieces = split };
    }
}
