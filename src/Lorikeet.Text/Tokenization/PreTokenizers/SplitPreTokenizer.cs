using Lorikeet.Text.Tokenization.Patterns;

namespace Lorikeet.Text.Tokenization.PreTokenizers;

/// <summary>Cuts every piece at the matches of a pattern.</summary>
/// <param name="pattern">What to look for.</param>
/// <param name="behavior">What becomes of the matches.</param>
/// <param name="isInverted">Whether what lies between the matches counts as matching instead.</param>
internal sealed class SplitPreTokenizer(ITextPattern pattern, SplitBehavior behavior, bool isInverted = false)
    : IPreTokenizer
{
    public PreTokenizedText PreTokenize(PreTokenizedText text)
    {
        var pieces = new List<Piece>(text.Text.Length / 4);
        foreach (var piece in text.Pieces)
        {
            var matches = pattern.FindMatches(text.Text.Chars[piece.Start..piece.End]);
            if (behavior == SplitBehavior.Isolated)
                Isolate(piece, matches, pieces);
            else
                Merge(piece, Cover(piece, matches), pieces);
        }
        return text with { Pieces = pieces };
    }

    private static void Isolate(Piece piece, List<(int Start, int End)> matches, List<Piece> pieces)
    {
        var covered = piece.Start;
        foreach (var (start, end) in matches)
        {
            Add(pieces, covered, piece.Start + start);
            Add(pieces, piece.Start + start, piece.Start + end);
            covered = piece.Start + end;
        }
        Add(pieces, covered, piece.End);
    }

    // The whole piece as stretches that match and stretches that do not; a match of nothing is a stretch too.
    private List<(int Start, int End, bool IsMatch)> Cover(Piece piece, List<(int Start, int End)> matches)
    {
        var stretches = new List<(int, int, bool)>();
        var covered = piece.Start;
        foreach (var (start, end) in matches)
        {
            if (covered < piece.Start + start)
                stretches.Add((covered, piece.Start + start, isInverted));
            stretches.Add((piece.Start + start, piece.Start + end, !isInverted));
            covered = piece.Start + end;
        }
        if (covered < piece.End)
            stretches.Add((covered, piece.End, isInverted));
        return stretches;
    }

    private void Merge(Piece piece, List<(int Start, int End, bool IsMatch)> stretches, List<Piece> pieces)
    {
        var start = piece.Start;
        for (var i = 0; i < stretches.Count; i++)
        {
            var stretch = stretches[i];
            if (behavior == SplitBehavior.Removed && stretch.IsMatch)
                start = stretch.End;
            if (i + 1 < stretches.Count && JoinsNext(stretches, i))
                continue;
            Add(pieces, start, stretch.End);
            start = stretch.End;
        }
    }

    private bool JoinsNext(List<(int Start, int End, bool IsMatch)> stretches, int index)
    {
        var (isMatch, isNextMatch) = (stretches[index].IsMatch, stretches[index + 1].IsMatch);
        return behavior switch
        {
            SplitBehavior.Contiguous => isMatch == isNextMatch,
            SplitBehavior.MergedWithPrevious => !isMatch && isNextMatch,
            SplitBehavior.MergedWithNext => isMatch && !isNextMatch,
            _ => false,
        };
    }

    private static void Add(List<Piece> pieces, int start, int end)
    {
        if (start < end)
            pieces.Add(new Piece(start, end));
    }
}
