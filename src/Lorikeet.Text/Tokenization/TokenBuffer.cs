namespace Lorikeet.Text.Tokenization;

/// <summary>Tokens in the order they are found, each with a range of text.</summary>
/// <param name="capacity">How many tokens are expected.</param>
internal sealed class TokenBuffer(int capacity = 64)
{
    private int[] _ids = new int[capacity];
    private (int Start, int End)[] _offsets = new (int, int)[capacity];

    public int Count { get; private set; }

    public int IdAt(int index) => _ids[index];

    /// <summary>A token's range, open to correction.</summary>
    public ref (int Start, int End) OffsetAt(int index) => ref _offsets[index];

    public void Clear() => Count = 0;

    public void Add(int id, int start, int end)
    {
        if (Count == _ids.Length)
        {
            Array.Resize(ref _ids, Math.Max(16, 2 * Count));
            Array.Resize(ref _offsets, _ids.Length);
        }
        _ids[Count] = id;
        _offsets[Count] = (start, end);
        Count++;
    }

    /// <summary>Turns ranges of a rewritten text into those of the original, from a token on.</summary>
    public void Align(int first, AlignedText text)
    {
        foreach (ref var offset in _offsets.AsSpan(first, Count - first))
            offset = (text.OriginalStart(offset.Start), text.OriginalEnd(offset.End - 1));
    }

    /// <summary>The tokens between the prefix and suffix of a sequence; the added ones cover no text.</summary>
    public Encoding ToEncoding(ReadOnlySpan<int> before, ReadOnlySpan<int> after)
    {
        var ids = new int[before.Length + Count + after.Length];
        var offsets = new (int Start, int End)[ids.Length];
        before.CopyTo(ids);
        _ids.AsSpan(0, Count).CopyTo(ids.AsSpan(before.Length));
        _offsets.AsSpan(0, Count).CopyTo(offsets.AsSpan(before.Length));
        after.CopyTo(ids.AsSpan(before.Length + Count));
        return new Encoding(ids, offsets);
    }
}
