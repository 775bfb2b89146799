using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes.Cpu;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>Keys and values of a layer in memory, and where each row stands.</summary>
/// <typeparam name="T">What the cache holds.</typeparam>
internal readonly unsafe struct CachePlaces<T>(CachedLayer cache, AttentionShape shape, DecodingState state)
    where T : unmanaged, IElement<T>
{
    private readonly T* _keys = (T*)TensorMemory.Pointer(cache.Keys);
    private readonly T* _values = (T*)TensorMemory.Pointer(cache.Values);
    private readonly long* _state = (long*)TensorMemory.Pointer(state.All);
    private readonly int _capacity = (int)cache.Keys.shape[2];

    public readonly int Heads = shape.Heads;
    public readonly int KeyValueHeads = shape.KeyValueHeads;
    public readonly int HeadSize = shape.HeadSize;
    public readonly float Scale = shape.Scale;
    private readonly int _window = shape.Window ?? int.MaxValue;

    /// <summary>Where the new token of all rows goes.</summary>
    public int Slot => (int)_state[0];

    /// <summary>Position of a row's new token.</summary>
    public int Position(int row) => Slot - Begin(row);

    /// <summary>The first slot that a row's new token sees.</summary>
    public int FirstSeen(int row) => Math.Max(Begin(row), Slot - _window + 1);

    public T* Keys(int row, int head, int slot) => _keys + Offset(row, head, slot);

    public T* Values(int row, int head, int slot) => _values + Offset(row, head, slot);

    private int Begin(int row) => (int)_state[1 + row];

    private long Offset(int row, int head, int slot) =>
        (((long)row * KeyValueHeads + head) * _capacity + slot) * HeadSize;
}

/// <summary>
/// Rotates queries in place; rotated keys, and values, go into the cache. A row of the range is a head of a row.
/// </summary>
internal readonly unsafe struct RotateAndAppendWork<T>(
    Rows<T> qkv, Rows<T> cosine, Rows<T> sine, CachePlaces<T> cache) : IRangeWork
    where T : unmanaged, IElement<T>
{
    private readonly Rows<T> _qkv = qkv;
    private readonly Rows<T> _cosine = cosine;
    private readonly Rows<T> _sine = sine;
    private readonly CachePlaces<T> _cache = cache;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int start, int end)
    {
        for (var i = start; i < end; i++)
        {
            var (row, head) = Math.DivRem(i, _cache.Heads + 2 * _cache.KeyValueHeads);
            var source = _qkv[row] + (long)head * _cache.HeadSize;
            var key = head - _cache.Heads;
            var value = key - _cache.KeyValueHeads;
            if (value < 0)
                Rotate(source, key < 0 ? source : _cache.Keys(row, key, _cache.Slot), _cache.Position(row));
            else
                new ReadOnlySpan<T>(source, _cache.HeadSize)
                    .CopyTo(new Span<T>(_cache.Values(row, value, _cache.Slot), _cache.HeadSize));
        }
    }

    /// <summary>Products are rounded before they are added, as the reference does.</summary>
    private void Rotate(T* source, T* target, int position)
    {
        var half = _cache.HeadSize / 2;
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

/// <summary>
/// One query a head over the cache, some slots at a time, with the softmax kept up to date as they come (arXiv
/// 1805.02867). A row of the range is a head of a row.
/// </summary>
internal readonly unsafe struct CachedAttentionWork<T>(Rows<T> qkv, CachePlaces<T> cache, Rows<T> attended) : IRangeWork
    where T : unmanaged, IElement<T>
{
    private const int Chunk = 64;

    private readonly Rows<T> _qkv = qkv;
    private readonly CachePlaces<T> _cache = cache;
    private readonly Rows<T> _attended = attended;

    public void Run(int start, int end)
    {
        var padded = SmallGemm.Padded(_cache.HeadSize);
        float* query = stackalloc float[padded], result = stackalloc float[padded];
        for (var i = start; i < end; i++)
        {
            var (row, head) = Math.DivRem(i, _cache.Heads);
            Attend(row, head, query, result);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Attend(int row, int head, float* query, float* result)
    {
        var size = _cache.HeadSize;
        var keyHead = head / (_cache.Heads / _cache.KeyValueHeads);
        var source = _qkv[row] + (long)head * size;
        for (var i = 0; i < size; i += Row.Lanes)
        {
            Row.Load(source + i, size - i).Store(query + i);
            Vector512<float>.Zero.Store(result + i);
        }

        var weights = stackalloc float[Chunk];
        var (largest, sum, end) = (Vectors.Hidden, 0f, _cache.Slot + 1);
        for (var slot = _cache.FirstSeen(row); slot < end; slot += Chunk)
        {
            var count = Math.Min(Chunk, end - slot);
            var most = MathF.Max(largest, Scores(_cache.Keys(row, keyHead, slot), query, count, weights));
            var keep = MathF.Exp(largest - most);
            largest = most;
            sum = sum * keep + Weigh(weights, most);
            Add(_cache.Values(row, keyHead, slot), weights, count, keep, result);
        }

        var target = _attended[row] + (long)head * size;
        for (var i = 0; i < size; i += Row.Lanes)
            Row.Store(target + i, size - i, Vector512.Load(result + i) * (1 / sum));
    }

    /// <summary>Scores q·k of a query with keys, masked beyond the last; returns the largest.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private float Scores(T* keys, float* query, int count, float* scores)
    {
        var (size, largest) = (_cache.HeadSize, Vectors.Hidden);
        for (var i = 0; i < count; i++, keys += size)
        {
            var sum = Vector512<float>.Zero;
            for (var column = 0; column < size; column += Row.Lanes)
                sum = Vector512.FusedMultiplyAdd(
                    Row.Load(keys + column, size - column), Vector512.Load(query + column), sum);
            scores[i] = Vectors.Sum(sum) * _cache.Scale;
            largest = MathF.Max(largest, scores[i]);
        }

        for (var i = count; i < Chunk; i++)
            scores[i] = Vectors.Hidden;
        return largest;
    }

    /// <summary>
    /// Scores become exp(score - largest), rounded as libtorch's attention does; returns their sum before that.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Weigh(float* scores, float largest)
    {
        var sum = Vector512<float>.Zero;
        for (var i = 0; i < Chunk; i += Row.Lanes)
        {
            var weight = Exponential.Of(Vector512.Load(scores + i) - Vector512.Create(largest));
            T.Round(weight).Store(scores + i);
            sum += weight;
        }

        return Vectors.Sum(sum);
    }

    /// <summary>result = keep · result + Σ weight · value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Add(T* values, float* weights, int count, float keep, float* result)
    {
        var size = _cache.HeadSize;
        for (var column = 0; column < size; column += Row.Lanes)
        {
            var sum = Vector512.Load(result + column) * keep;
            var value = values + column;
            for (var i = 0; i < count; i++, value += size)
                sum = Vector512.FusedMultiplyAdd(Row.Load(value, size - column), Vector512.Create(weights[i]), sum);
            sum.Store(result + column);
        }
    }
}
