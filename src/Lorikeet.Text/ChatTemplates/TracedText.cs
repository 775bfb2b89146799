using Lorikeet.Text.ChatTemplates.Jinja.Values;

namespace Lorikeet.Text.ChatTemplates;

/// <summary>A rendered text as the pieces it was printed in.</summary>
internal sealed class TracedText
{
    private readonly List<Piece> _pieces = [];
    private readonly ILookup<int, Piece> _byOrigin;

    public TracedText(PyString rendered)
    {
        Text = rendered.Text;
        var start = 0;
        foreach (var run in rendered.Runs)
        {
            _pieces.Add(new Piece(_pieces.Count, start, start + run.Length, run.Origin, run.Turn));
            start += run.Length;
        }

        _byOrigin = _pieces.ToLookup(piece => piece.Origin);
    }

    public string Text { get; }

    /// <summary>The pieces of one origin.</summary>
    public IReadOnlyList<Piece> From(int origin) => [.. _byOrigin[origin]];

    /// <summary>Whether a piece of another message stands between two of one.</summary>
    public bool HasOther(Piece first, Piece last)
    {
        for (var i = first.Index + 1; i < last.Index; i++)
        {
            if (_pieces[i].Origin != Origin.Template && _pieces[i].Origin != first.Origin
                && _pieces[i].End > _pieces[i].Start)
                return true;
        }
        return false;
    }

    /// <summary>Where the last message before <paramref name="piece"/> ends.</summary>
    public int EndOfMessageBefore(Piece piece)
    {
        for (var i = piece.Index - 1; i >= 0; i--)
        {
            if (_pieces[i].Origin != Origin.Template && _pieces[i].Origin != piece.Origin)
                return _pieces[i].End;
        }
        return 0;
    }

    /// <summary>How far the template's own text follows a piece within its turn, or up to the next message.</summary>
    public int EndOfTurnAfter(Piece piece)
    {
        var end = piece.End;
        for (var i = piece.Index + 1; i < _pieces.Count; i++)
        {
            if (_pieces[i].Origin != Origin.Template || _pieces[i].Turn != piece.Turn)
                break;
            end = _pieces[i].End;
        }
        return end;
    }
}

/// <summary>A stretch of rendered text.</summary>
/// <param name="Index">Its place among the pieces.</param>
/// <param name="Start">Its first UTF-16 unit.</param>
/// <param name="End">One past its last.</param>
/// <param name="Origin">The message it came from.</param>
/// <param name="Turn">The pass of the template's loop that printed it; 0 outside loops.</param>
internal sealed record Piece(int Index, int Start, int End, int Origin, int Turn);
