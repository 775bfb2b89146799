using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes.Cpu;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>The blocks of a layer in memory, and where each row stands.</summary>
/// <typeparam name="T">What the cache holds.</typeparam>
internal readonly unsafe struct BlockPlaces<T>(CachedLayer cache, AttentionShape shape, BatchState state)
    where T : unmanaged, IElement<T>
{
    private readonly T* _keys = (T*)TensorMemory.Pointer(cache.Keys);
    private readonly T* _values = (T*)TensorMemory.Pointer(cache.Values);
    private readonly long* _positions = (long*)TensorMemory.Pointer(state.Positions);
    private readonly long* _sequences = (long*)TensorMemory.Pointer(state.SequenceOfRow);
    private readonly long* _tables = (long*)TensorMemory.Pointer(state.Tables);
    private readonly int _pitch = (int)state.Tables.shape[1];

    public readonly int Heads = shape.Heads;
    public readonly int KeyValueHeads = shape.KeyValueHeads;
    public readonly int HeadSize = shape.HeadSize;
    public readonly int RotarySize = shape.RotarySize;
    public readonly float Scale = shape.Scale;
    private readonly int _window = shape.Window ?? int.MaxValue;

    /// <summary>Position of a row.</summary>
    public int Position(int row) => (int)_positions[row];

    /// <summary>The first position that a row sees.</summary>
    public int FirstSeen(int row) => Math.Max(0, Position(row) - _window + 1);

    /// <summary>A key of the row's sequence; those after it, up to the end of their block, follow.</summary>
    public T* Keys(int row, int head, int position) => _keys + Offset(row, head, position);

    /// <summary>A value of the row's sequence; those after it, up to the end of their block, follow.</summary>
    public T* Values(int row, int head, int position) => _values + Offset(row, head, position);

    private long Offset(int row, int head, int position)
    {
        var (index, slot) = Math.DivRem(position, PagedCache.BlockTokens);
        var block = _tables[_sequences[row] * _pitch + index];
        return ((block * KeyValueHeads + head) * PagedCache.BlockTokens + slot) * HeadSize;
    }
}

/// <summary>
/// Rotates queries in place; rotated keys, and values, go into the cache. A row of the range is a head of a row.
/// </summary>
internal readonly unsafe struct RotateAndAppendToBlocksWork<T>(
    Rows<T> qkv, Rows<T> cosine, Rows<T> sine, BlockPlaces<T> cache) : IRangeWork
    where T : unmanaged, IElement<T>
{
    private readonly Rows<T> _qkv = qkv;
    private readonly Rows<T> _cosine = cosine;
    private readonly Rows<T> _sine = sine;
    private readonly BlockPlaces<T> _cache = cache;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int start, int end)
    {
        for (var i = start; i < end; i++)
        {
            var (row, head) = Math.DivRem(i, _cache.Heads + 2 * _cache.KeyValueHeads);
            var source = _qkv[row] + (long)head * _cache.HeadSize;
            var (key, position) = (head - _cache.Heads, _cache.Position(row));
            var value = key - _cache.KeyValueHeads;
            if (value < 0)
                Rotate(source, key < 0 ? source : _cache.Keys(row, key, position), position);
            else
                new ReadOnlySpan<T>(source, _cache.HeadSize)
                    .CopyTo(new Span<T>(_cache.Values(row, value, position), _cache.HeadSize));
        }
    }

    /// <summary>Products are rounded before they are added, as the reference does; the rest of a head stays.</summary>
    private void Rotate(T* source, T* target, int position)
    {
        var (half, rest) = (_cache.RotarySize / 2, _cache.HeadSize - _cache.RotarySize);
        if (rest > 0 && target != source)
            new ReadOnlySpan<T>(source + 2 * half, rest).CopyTo(new Span<T>(target + 2 * half, rest));
        if (half == 0)
            return;
        T* cosine = _cosine[position], sine = _sine[position];
        for (var i = 0; i < half; i += Row.Lanes)
        {
            var left = half - i;
            var (x, y) = (Row.Load(source + i, left), Row.Load(source + half + i, left));
            var (cos, sin) = (Row.Load(cosine + i, left), Row.Load(sine + i, left));
            Row.Store(target + i, left, T.Round(x * cos) - T.Round(y * sin));
            Row.Store(target + half + i, left, T.Round(y * cos) + T.Round(x * sin));
        }
    }
}
