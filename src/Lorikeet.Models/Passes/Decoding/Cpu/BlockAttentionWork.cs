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
/// A few rows of a sequence, with all query heads that share a key head, over its blocks, some at a time: the softmax
/// is kept up to date as they come (arXiv 1805.02867). Many queries have keys and values brought to float32 once for
/// all of them; a few, as those of a row that decodes, meet them as they lie in the cache. A row of the range is a key
/// head of a tile.
/// </summary>
internal readonly unsafe struct BlockAttentionWork<T>(
    RowTile* tiles, Rows<T> qkv, BlockPlaces<T> cache, Rows<T> attended) : IRangeWork
    where T : unmanaged, IElement<T>
{
    /// <summary>Queries of a tile, unless a row alone has more: what pays for bringing keys to float32.</summary>
    public const int Queries = 32;

    private const int Chunk = 4 * PagedCache.BlockTokens; // keys at a time

    private const int Together = 4; // queries that are multiplied at once
    private const int FewQueries = 2 * Together; // for which keys and values are not brought to float32 first

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

        var isDirect = count <= FewQueries && _cache.HeadSize % Row.Lanes == 0;
        var end = _cache.Position(tile.Row + tile.Count - 1) + 1;
        var first = _cache.FirstSeen(tile.Row) / PagedCache.BlockTokens * PagedCache.BlockTokens;
        for (; first < end; first += Chunk)
        {
            var length = Math.Min(Chunk, end - first);
            if (isDirect)
            {
                new Span<float>(buffers.Scores, FewQueries * Chunk).Clear();
                for (var i = 0; i < length; i += PagedCache.BlockTokens)
                    ScoreBlock(_cache.Keys(tile.Row, head, first + i), count, buffers, i);
                WeighAll(buffers, count, tile.Row, first, length);
                for (var i = 0; i < length; i += PagedCache.BlockTokens)
                {
                    T* values = _cache.Values(tile.Row, head, first + i);
                    var tokens = Math.Min(PagedCache.BlockTokens, length - i);
                    for (var query = 0; query < count; query += Together)
                    {
                        float* weights = buffers.Scores + query * Chunk + i, results = buffers.Result + query * padded;
                        if (count - query <= 2)
                            AddToPair(values, tokens, weights, results);
                        else
                            AddToSquare(values, tokens, weights, results);
                    }
                }

                continue;
            }

            for (var i = 0; i < length; i += PagedCache.BlockTokens)
            {
                var tokens = Math.Min(PagedCache.BlockTokens, length - i);
                Read(_cache.Keys(tile.Row, head, first + i), tokens, buffers.Keys + i * padded);
                Read(_cache.Values(tile.Row, head, first + i), tokens, buffers.Values + i * padded);
            }

            Score(buffers, count, length);
            WeighAll(buffers, count, tile.Row, first, length);
            SmallGemm.Run(
                new Operand(buffers.Scores, Chunk, 1), buffers.Values, padded, buffers.Result, padded, count, length,
                padded, adds: true);
        }

        for (var i = 0; i < tile.Count; i++)
            Write(buffers, i * group, group, _attended[tile.Row + i] + (long)head * group * _cache.HeadSize);
    }

    private void WeighAll(Buffers buffers, int queries, int row, int first, int length)
    {
        for (var i = 0; i < queries; i++)
            Weigh(buffers, i, row + i / Group, first, length);
    }

    /// <summary>
    /// Queries times the keys of a block, those that are not written yet included, whose scores do not matter.
    /// </summary>
    private void ScoreBlock(T* keys, int queries, Buffers buffers, int first)
    {
        var size = _cache.HeadSize;
        for (var query = 0; query < queries; query += Together)
        {
            for (var j = 0; j < PagedCache.BlockTokens; j += VectorProduct.Rows)
            {
                float* x = buffers.Query + query * Padded, scores = buffers.Scores + query * Chunk + first + j;
                if (queries - query <= 2)
                    VectorProduct.AddPair(keys + j * size, size, size, x, Padded, scores, Chunk);
                else
                    VectorProduct.AddSquare(keys + j * size, size, size, x, Padded, scores, Chunk);
            }
        }
    }

    /// <summary>Adds the values of a block to the results of four queries, times their weights.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AddToSquare(T* values, int tokens, float* weights, float* results)
    {
        var (size, pitch) = (_cache.HeadSize, Padded);
        for (var i = 0; i < size; i += Row.Lanes)
        {
            float* r0 = results + i, r1 = r0 + pitch, r2 = r1 + pitch, r3 = r2 + pitch;
            var (s0, s1) = (Vector512.Load(r0), Vector512.Load(r1));
            var (s2, s3) = (Vector512.Load(r2), Vector512.Load(r3));
            for (var j = 0; j < tokens; j++)
            {
                var value = T.Load(values + (long)j * size + i);
                s0 = Vector512.FusedMultiplyAdd(Vector512.Create(weights[j]), value, s0);
                s1 = Vector512.FusedMultiplyAdd(Vector512.Create(weights[Chunk + j]), value, s1);
                s2 = Vector512.FusedMultiplyAdd(Vector512.Create(weights[2 * Chunk + j]), value, s2);
                s3 = Vector512.FusedMultiplyAdd(Vector512.Create(weights[3 * Chunk + j]), value, s3);
            }

            s0.Store(r0);
            s1.Store(r1);
            s2.Store(r2);
            s3.Store(r3);
        }
    }

    /// <summary>The same of two queries.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void AddToPair(T* values, int tokens, float* weights, float* results)
    {
        var size = _cache.HeadSize;
        var second = results + Padded;
        for (var i = 0; i < size; i += Row.Lanes)
        {
            var (s0, s1) = (Vector512.Load(results + i), Vector512.Load(second + i));
            for (var j = 0; j < tokens; j++)
            {
                var value = T.Load(values + (long)j * size + i);
                s0 = Vector512.FusedMultiplyAdd(Vector512.Create(weights[j]), value, s0);
                s1 = Vector512.FusedMultiplyAdd(Vector512.Create(weights[Chunk + j]), value, s1);
            }

            s0.Store(results + i);
            s1.Store(second + i);
        }
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
