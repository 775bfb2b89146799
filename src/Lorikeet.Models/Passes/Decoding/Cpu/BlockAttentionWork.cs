using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Passes.Cpu;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>Rows next to each other, of one sequence.</summary>
/// <param name="Row">The first.</param>
/// <param name="Count">How many.</param>
internal readonly record struct RowTile(int Row, int Count);

/// <summary>
/// A few rows of a sequence, with all query heads that share a key head, over its blocks, some at a time: keys and
/// values are brought to float32 once for them, and the softmax is kept up to date as they come (arXiv 1805.02867). A
/// row of the range is a key head of a tile.
/// </summary>
internal readonly unsafe struct BlockAttentionWork<T>(
    RowTile* tiles, Rows<T> qkv, BlockPlaces<T> cache, Rows<T> attended) : IRangeWork
    where T : unmanaged, IElement<T>
{
    /// <summary>Queries of a tile, unless a row alone has more: what pays for bringing keys to float32.</summary>
    public const int Queries = 32;

    private const int Chunk = 4 * PagedCache.BlockTokens; // keys at a time

    private readonly RowTile* _tiles = tiles;
    private readonly Rows<T> _qkv = qkv;
    private readonly BlockPlaces<T> _cache = cache;
    private readonly Rows<T> _attended = attended;

    private int Group => _cache.Heads / _cache.KeyValueHeads;

    /// <summary>Width of a row of a float32 block.</summary>
    private int Padded => SmallGemm.Padded(_cache.HeadSize);

    [SkipLocalsInit]
    public void Run(int start, int end)
    {
        var most = Math.Max(Queries, Group);
        most = (most + 3) / 4 * 4;
        var room = stackalloc float[(2 * most + 2 * Chunk) * Padded + most * Chunk + 2 * most + Row.Lanes];
        var query = Vectors.Align(room);
        float* result = query + most * Padded, keys = result + most * Padded, values = keys + Chunk * Padded;
        float* scores = values + Chunk * Padded, largest = scores + most * Chunk, sums = largest + most;
        for (var i = start; i < end; i++)
        {
            var (tile, head) = Math.DivRem(i, _cache.KeyValueHeads);
            Attend(_tiles[tile], head, new Buffers(query, result, keys, values, scores, largest, sums));
        }
    }

    private void Attend(RowTile tile, int head, Buffers buffers)
    {
        var (group, padded) = (Group, Padded);
        var count = tile.Count * group;
        for (var i = 0; i < tile.Count; i++)
            Read(_qkv[tile.Row + i] + (long)head * group * _cache.HeadSize, group, buffers.Query + i * group * padded);
        new Span<float>(buffers.Result, count * padded).Clear();
        new Span<float>(buffers.Largest, count).Fill(Vectors.Hidden);
        new Span<float>(buffers.Sums, count).Clear();

        var end = _cache.Position(tile.Row + tile.Count - 1) + 1;
        var first = _cache.FirstSeen(tile.Row) / PagedCache.BlockTokens * PagedCache.BlockTokens;
        for (; first < end; first += Chunk)
        {
            var length = Math.Min(Chunk, end - first);
            for (var i = 0; i < length; i += PagedCache.BlockTokens)
            {
                var tokens = Math.Min(PagedCache.BlockTokens, length - i);
                Read(_cache.Keys(tile.Row, head, first + i), tokens, buffers.Keys + i * padded);
                Read(_cache.Values(tile.Row, head, first + i), tokens, buffers.Values + i * padded);
            }

            Score(buffers, count, length);
            for (var i = 0; i < count; i++)
                Weigh(buffers, i, tile.Row + i / group, first, length);
            SmallGemm.Run(
                new Operand(buffers.Scores, Chunk, 1), buffers.Values, padded, buffers.Result, padded, count, length,
                padded, adds: true);
        }

        for (var i = 0; i < tile.Count; i++)
            Write(buffers, i * group, group, _attended[tile.Row + i] + (long)head * group * _cache.HeadSize);
    }

    /// <summary>Rows of a head's size to float32, zero beyond it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Read(T* source, int rows, float* target)
    {
        var (size, padded) = (_cache.HeadSize, Padded);
        for (var row = 0; row < rows; row++, source += size, target += padded)
            for (var i = 0; i < padded; i += Row.Lanes)
                (i < size ? Row.Load(source + i, size - i) : default).Store(target + i);
    }

    /// <summary>Queries times keys; what lies beyond their numbers, up to multiples of four, does not matter.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Score(Buffers buffers, int queries, int keys)
    {
        var padded = Padded;
        var width = (_cache.HeadSize + Row.Lanes - 1) / Row.Lanes * Row.Lanes;
        new Span<float>(buffers.Scores, (queries + 3) / 4 * 4 * Chunk).Clear();
        for (var i = 0; i < queries; i += 4)
            for (var j = 0; j < keys; j += 4)
                VectorProduct.AddSquare(
                    (FloatElement*)buffers.Keys + j * padded, padded, width, buffers.Query + i * padded, padded,
                    buffers.Scores + i * Chunk + j, Chunk);
    }

    /// <summary>
    /// Scores of a query become exp(score - largest), rounded as libtorch's attention does, and zero where it does not
    /// see; what was added up before is brought to the new largest.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Weigh(Buffers buffers, int query, int row, int first, int length)
    {
        var scores = buffers.Scores + query * Chunk;
        var (from, to) = (_cache.FirstSeen(row) - first, Math.Min(length, _cache.Position(row) + 1 - first));
        for (var i = 0; i < from && i < Chunk; i++)
            scores[i] = float.NegativeInfinity;
        for (var i = Math.Max(to, 0); i < Chunk; i++)
            scores[i] = float.NegativeInfinity;
        var scale = Vector512.Create(_cache.Scale);
        var most = Vector512.Create(buffers.Largest[query]);
        for (var i = 0; i < Chunk; i += Row.Lanes)
        {
            var scaled = Vector512.Load(scores + i) * scale;
            scaled.Store(scores + i);
            most = Vector512.Max(most, scaled);
        }

        var largest = Vectors.Largest(most);
        var (top, sum) = (Vector512.Create(largest), Vector512<float>.Zero);
        for (var i = 0; i < Chunk; i += Row.Lanes)
        {
            var weight = Exponential.Of(Vector512.Load(scores + i) - top);
            T.Round(weight).Store(scores + i);
            sum += weight;
        }

        var keep = MathF.Exp(buffers.Largest[query] - largest);
        buffers.Largest[query] = largest;
        buffers.Sums[query] = buffers.Sums[query] * keep + Vectors.Sum(sum);
        if (keep == 1)
            return;
        var result = buffers.Result + query * Padded;
        for (var i = 0; i < Padded; i += Row.Lanes)
            (Vector512.Load(result + i) * keep).Store(result + i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Write(Buffers buffers, int query, int rows, T* target)
    {
        var (size, padded) = (_cache.HeadSize, Padded);
        for (var row = query; row < query + rows; row++, target += size)
        {
            var result = buffers.Result + row * padded;
            for (var i = 0; i < size; i += Row.Lanes)
                Row.Store(target + i, size - i, Vector512.Load(result + i) * (1 / buffers.Sums[row]));
        }
    }

    /// <summary>Float32 rows of queries and of keys, <see cref="Padded"/> or <see cref="Chunk"/> wide.</summary>
    private readonly struct Buffers(
        float* query, float* result, float* keys, float* values, float* scores, float* largest, float* sums)
    {
        public readonly float* Query = query;
        public readonly float* Result = result;
        public readonly float* Keys = keys;
        public readonly float* Values = values;
        public readonly float* Scores = scores; // [queries, Chunk]
        public readonly float* Largest = largest; // [queries]
        public readonly float* Sums = sums; // [queries]
    }
}
