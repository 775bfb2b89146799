namespace Lorikeet.Text.Tokenization;

/// <summary>Tokens in the order they are found, with their ranges in the original text.</summary>
internal sealed class TokenBuffer
{
    private int[] _ids = new int[64];
    private (int Start, int End)[] _offsets = new (int, int)[64];

    public int Count { get; private set; }

    public int IdAt(int index) => _ids[index];

    /// <summary>The range of the original text, open to a post-processor's corrections.</summary>
    public ref (int Start, int End) OffsetAt(int index) => ref _offsets[index];

    public void Add(int id, int start, int end)
    {
        if (Count == _ids.Length)
        {
            Array.Resize(ref _ids, 2 * Count);
            Array.Resize(ref _offsets, 2 * Count);
        }
        _ids[Count] = id;
        _offsets[Count] = (start, end);
        Count++;
    }

    /// <summary>The tokens between what goes before and after a sequence; the added ones cover no text.</summary>
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
