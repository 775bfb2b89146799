namespace Lorikeet.Text.Tokenization.Models;

/// <summary>The symbols of one word while they are merged: a linked list over parallel arrays.</summary>
internal sealed class BpeWord
{
    private const int None = -1;
    private readonly MergeQueue _queue = new();
    private int[] _ids = new int[64];
    private int[] _starts = new int[64];
    private int[] _ends = new int[64];
    private int[] _previous = new int[64];
    private int[] _next = new int[64];
    private int _count;

    public void Clear() => _count = 0;

    /// <summary>Appends a symbol that covers units <paramref name="start"/> to <paramref name="end"/>.</summary>
    public void Add(int id, int start, int end)
    {
        if (_count == _ids.Length)
            Grow();
        (_ids[_count], _starts[_count], _ends[_count]) = (id, start, end);
        _previous[_count] = _count - 1;
        _next[_count] = None;
        if (_count > 0)
            _next[_count - 1] = _count;
        _count++;
    }

    /// <summary>Applies merges, always the lowest rank and of equal ranks the leftmost, until none is left.</summary>
    public void Merge(MergeTable merges)
    {
        _queue.Clear();
        for (var i = 0; i + 1 < _count; i++)
            Offer(i, merges);
        while (_queue.TryPop(out var rank, out var left))
        {
            var right = _next[left];
            // An entry is stale when one of its symbols has been merged since; then the rank differs too.
            if (right == None || !merges.TryGet(_ids[left], _ids[right], out var merge) || merge.Rank != rank)
                continue;
            _ids[left] = merge.Id;
            _ends[left] = _ends[right];
            Remove(right);
            if (_previous[left] != None)
                Offer(_previous[left], merges);
            Offer(left, merges);
        }
    }

    /// <summary>Appends the symbols that are left, their ranges moved by <paramref name="offset"/>.</summary>
    public void CopyTo(TokenBuffer output, int offset)
    {
        for (var i = _count == 0 ? None : 0; i != None; i = _next[i])
            output.Add(_ids[i], offset + _starts[i], offset + _ends[i]);
    }

    private void Offer(int left, MergeTable merges)
    {
        var right = _next[left];
        if (right != None && merges.TryGet(_ids[left], _ids[right], out var merge))
            _queue.Push(merge.Rank, left);
    }

    private void Remove(int symbol)
    {
        var (previous, next) = (_previous[symbol], _next[symbol]);
        _next[previous] = next;
        if (next != None)
            _previous[next] = previous;
        _next[symbol] = None;
    }

    private void Grow()
    {
        var capacity = 2 * _count;
        Array.Resize(ref _ids, capacity);
        Array.Resize(ref _starts, capacity);
        Array.Resize(ref _ends, capacity);
        Array.Resize(ref _previous, capacity);
        Array.Resize(ref _next, capacity);
    }
}
