using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Lorikeet.Models.Passes.Cpu;

/// <summary>
/// Causal attention of one key head and its query heads in one segment: O = P V with P = softmax(s Q Kᵀ), s the scale,
/// 1/√headSize unless the model says otherwise. Scores exist for a block of queries at a time. An item of the range is
/// one (segment, key head); it rotates its own queries and keys first, unless they are normalised and rotated already.
/// </summary>
internal readonly unsafe struct AttentionForwardWork<T>(
    AttentionHeads<T> heads, Rows<T> rotated, Rows<T> qkv, bool rotates, Rows<T> attended,
    float* logSums) : IRangeWork
    where T : unmanaged, IElement<T>
{
    /// <summary>Queries whose scores exist at once.</summary>
    public const int Block = 32;

    private readonly AttentionHeads<T> _heads = heads;
    private readonly Rows<T> _rotated = rotated;
    private readonly Rows<T> _qkv = qkv;
    private readonly bool _rotates = rotates;
    private readonly Rows<T> _attended = attended;
    private readonly float* _logSums = logSums; // [tokens, heads]

    public void Run(int start, int end)
    {
        for (var i = start; i < end; i++)
        {
            var (segment, keyHead) = Math.DivRem(i, _heads.KeyValueHeads);
            Attend(_heads.Start(segment), _heads.Length(segment), keyHead);
        }
    }

    private void Attend(int token, int length, int keyHead)
    {
        var (padded, pitch) = (_heads.Padded, SmallGemm.Padded(length));
        var memory = new AttentionMemory((long)(2 * length + 2 * Block) * padded + (long)(padded + Block) * pitch);
        float* keys = memory.Take(length, padded), values = memory.Take(length, padded); // K, V: [length, headSize]
        // Kᵀ; S, then P: [Block, length]
        float* keysTransposed = memory.Take(padded, pitch), scores = memory.Take(Block, pitch);
        float* queries = memory.Take(Block, padded), results = memory.Take(Block, padded); // Q, O: [Block, headSize]

        if (_rotates)
            _heads.Rotate(_rotated, token, length, _heads.KeyColumn(keyHead), backwards: false);
        _heads.Read(_rotated, token, length, _heads.KeyColumn(keyHead), keys);
        _heads.Read(_qkv, token, length, _heads.ValueColumn(keyHead), values);
        AttentionHeads<T>.Transpose(keys, length, _heads.HeadSize, padded, keysTransposed, pitch);

        for (var head = keyHead * _heads.Group; head < (keyHead + 1) * _heads.Group; head++)
        {
            if (_rotates)
                _heads.Rotate(_rotated, token, length, _heads.QueryColumn(head), backwards: false);
            for (var first = 0; first < length; first += Block)
            {
                var rows = Math.Min(Block, length - first);
                var seen = SmallGemm.Padded(first + rows);
                _heads.Read(_rotated, token + first, rows, _heads.QueryColumn(head), queries);
                SmallGemm.Run( // S = Q Kᵀ: [rows, seen]
                    new Operand(queries, padded, 1), keysTransposed, pitch, scores, pitch, rows, _heads.HeadSize, seen,
                    adds: false);
                Softmax(scores, pitch, seen, first, rows, token, head);
                SmallGemm.Run( // O = P V: [rows, headSize]
                    new Operand(scores, pitch, 1), values, padded, results, padded, rows, first + rows, padded,
                    adds: false);
                _heads.Write(results, _attended, token + first, rows, _heads.QueryColumn(head));
            }
        }
    }

    /// <summary>
    /// P = exp(s S - logSum) with logSum = m + log Σ exp(s S - m), row by row; keeps logSum for the backward pass.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Softmax(float* scores, int pitch, int columns, int first, int rows, int token, int head)
    {
        var scale = Vector512.Create(_heads.Scale);
        for (var row = 0; row < rows; row++, scores += pitch)
        {
            var position = first + row;
            if (_heads.SoftCap > 0)
                _heads.Cap(scores, columns);
            Hide(scores, _heads.FirstSeen(position), position + 1, columns);
            var largest = Vector512.Create(float.NegativeInfinity);
            for (var i = 0; i < columns; i += Row.Lanes)
            {
                var scaled = Vector512.Load(scores + i) * scale;
                scaled.Store(scores + i);
                largest = Vector512.MaxNative(largest, scaled);
            }

            var top = Vectors.Largest(largest);
            var sums = Vector512<float>.Zero;
            for (var i = 0; i < columns; i += Row.Lanes)
            {
                var weight = Exponential.Of(Vector512.Load(scores + i) - Vector512.Create(top));
                weight.Store(scores + i);
                sums += weight;
            }

            var sum = Vector512.Sum(sums);
            _logSums[(long)(token + position) * _heads.Heads + head] = top + MathF.Log(sum);
            for (var i = 0; i < columns; i += Row.Lanes)
                (Vector512.Load(scores + i) * (1 / sum)).Store(scores + i);
        }
    }

    /// <summary>Scores outside [from, to) become so small that nothing is left of them.</summary>
    public static void Hide(float* scores, int from, int to, int columns)
    {
        for (var i = 0; i < from; i++)
            scores[i] = Vectors.Hidden;
        for (var i = to; i < columns; i++)
            scores[i] = Vectors.Hidden;
    }
}
