namespace Lorikeet.Text.Tokenization.Models;

/// <summary>A min-heap of merges to try, the lowest rank first and of equal ranks the leftmost.</summary>
internal sealed class MergeQueue
{
    // Rank in the upper half, position in the lower, so that plain comparison is the order.
    private ulong[] _heap = new ulong[64];
    private int _count;

    public void Clear() => _count = 0;

    public void Push(int rank, int position)
    {
        if (_count == _heap.Length)
            Array.Resize(ref _heap, 2 * _count);
        var entry = ((ulong)(uint)rank << 32) | (uint)position;
        var child = _count++;
        while (child > 0 && _heap[(child - 1) / 2] > entry)
        {
            _heap[child] = _heap[(child - 1) / 2];
            child = (child - 1) / 2;
        }
        _heap[child] = entry;
    }

    public bool TryPop(out int rank, out int position)
    {
        (rank, position) = (0, 0);
        if (_count == 0)
            return false;
        (rank, position) = ((int)(_heap[0] >> 32), (int)(uint)_heap[0]);
        var last = _heap[--_count];
        var parent = 0;
        while (2 * parent + 1 < _count)
        {
            var child = 2 * parent + 1;
            if (child + 1 < _count && _heap[child + 1] < _heap[child])
                child++;
            if (_heap[child] >= last)
                break;
            _heap[parent] = _heap[child];
            parent = child;
        }
        _heap[parent] = last;
        return true;
    }
}
