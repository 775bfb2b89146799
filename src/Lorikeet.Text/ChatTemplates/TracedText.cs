using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates;

/// <summary>A rendered text as the pieces it was printed in.</summary>
internal sealed class TracedText
{
    private readonly List<Piece> _pieces = [];

    public TracedText(PyString rendered)
    {
        Text = rendered.Text;
        var start = 0;
        foreach (var run in rendered.Runs)
        {
            _pieces.Add(new Piece(start, start + run.Length, run.Origin, run.Turn));
            start += run.Length;
        }
    }

    public string Text { get; }

    /// <summary>The pieces of one origin.</summary>
    public IReadOnlyList<Piece> From(int origin) => _pieces.FindAll(piece => piece.Origin == origin);

    /// <summary>Whether a piece of another message stands between two places.</summary>
    public bool HasOther(int origin, int start, int end) => _pieces.Exists(piece =>
        piece.Origin != Origin.Template && piece.Origin != origin && piece.Start >= start && piece.End <= end
        && piece.End > piece.Start);

    /// <summary>Where the last message before <paramref name="piece"/> ends.</summary>
    public int EndOfMessageBefore(Piece piece) =>
        _pieces.FindLast(other => other.Origin != Origin.Template && other.Origin != piece.Origin
            && other.End <= piece.Start)?.End ?? 0;

    /// <summary>How far the template's own text follows a piece within its turn, or up to the next message.</summary>
    public int EndOfTurnAfter(Piece piece)
    {
        var end = piece.End;
        for (var i = _pieces.IndexOf(piece) + 1; i < _pieces.Count; i++)
        {
            if (_pieces[i].Origin != Origin.Template || _pieces[i].Turn != piece.Turn)
                break;
            end = _pieces[i].End;
        }
        return end;
    }
}

/// <summary>A stretch of rendered text.</summary>
/// <param name="Start">Its first UTF-16 unit.</param>
/// <param name="End">One past its last.</param>
/// <param name="Origin">The message it came from.</param>
/// <param name="Turn">The pass of the template's loop that printed it; 0 outside loops.</param>
internal sealed record Piece(int Start, int End, int Origin, int Turn);
