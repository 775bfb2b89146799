using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Cpu;

/// <summary>
/// Gradient of attention for one key head and its query heads in one segment (FlashAttention-2, arXiv 2307.08691,
/// algorithm 2): with P = exp(s Q Kᵀ - logSum) and D = ⟨dO, O⟩ per row,
/// dV = Pᵀ dO,  dS = s P ⊙ (dO Vᵀ - D),  dQ = dS K,  dK = dSᵀ Q; then dQ and dK are rotated back.
/// </summary>
internal readonly unsafe struct AttentionBackwardWork<T>(
    AttentionHeads<T> heads, Rows<T> rotated, Rows<T> qkv, Rows<T> attended, float* logSums, Rows<T> gradient,
    Rows<T> qkvGradient) : IRangeWork
    where T : unmanaged, IElement<T>
{
    private const int Block = AttentionForwardWork<T>.Block;

    private readonly AttentionHeads<T> _heads = heads;
    private readonly Rows<T> _rotated = rotated;
    private readonly Rows<T> _qkv = qkv;
    private readonly Rows<T> _attended = attended;
    private readonly float* _logSums = logSums;
    private readonly Rows<T> _gradient = gradient;
    private readonly Rows<T> _qkvGradient = qkvGradient;

    public void Run(int start, int end)
    {
        for (var i = start; i < end; i++)
        {
            var (segment, keyHead) = Math.DivRem(i, _heads.KeyValueHeads);
            Differentiate(_heads.Start(segment), _heads.Length(segment), keyHead);
        }
    }

    /// <summary>
    /// What both passes allocate: results of all tokens, and the blocks of each thread (<see cref="AttentionMemory"/>).
    /// </summary>
    public static AttentionBytes BytesOf(AttentionShape shape, BatchShape batch)
    {
        var output = (long)batch.Tokens * shape.Heads * (shape.HeadSize * sizeof(T) + sizeof(float));
        var threads = Math.Min(get_num_threads(), batch.Rows * shape.KeyValueHeads);
        return new AttentionBytes(
            output,
            threads * sizeof(float) * Numbers(
                batch.Longest, SmallGemm.Padded(shape.HeadSize), SmallGemm.Padded(batch.Longest)));
    }

    /// <summary>Float32 numbers that one head of one segment needs while it is worked on.</summary>
    private static long Numbers(int length, int padded, int pitch) =>
        (long)(4 * length + 3 * Block) * padded + 2L * (padded + Block) * pitch;

    private void Differentiate(int token, int length, int keyHead)
    {
        var (padded, pitch) = (_heads.Padded, SmallGemm.Padded(length));
        var memory = new AttentionMemory(Numbers(length, padded, pitch));
        float* keys = memory.Take(length, padded), values = memory.Take(length, padded);
        float* keyGradients = memory.Take(length, padded), valueGradients = memory.Take(length, padded);
        float* keysTransposed = memory.Take(padded, pitch), valuesTransposed = memory.Take(padded, pitch);
        float* weights = memory.Take(Block, pitch), slopes = memory.Take(Block, pitch); // P, dS: [Block, length]
        float* queries = memory.Take(Block, padded), gradients = memory.Take(Block, padded); // Q, dO: [Block, headSize]
        float* queryGradients = memory.Take(Block, padded); // dQ: [Block, headSize]

        _heads.Read(_rotated, token, length, _heads.KeyColumn(keyHead), keys);
        _heads.Read(_qkv, token, length, _heads.ValueColumn(keyHead), values);
        AttentionHeads<T>.Transpose(keys, length, _heads.HeadSize, padded, keysTransposed, pitch);
        AttentionHeads<T>.Transpose(values, length, _heads.HeadSize, padded, valuesTransposed, pitch);
        new Span<float>(keyGradients, length * padded).Clear();
        new Span<float>(valueGradients, length * padded).Clear();

        for (var head = keyHead * _heads.Group; head < (keyHead + 1) * _heads.Group; head++)
        {
            var column = _heads.QueryColumn(head);
            for (var first = 0; first < length; first += Block)
            {
                var rows = Math.Min(Block, length - first);
                var (end, seen) = (first + rows, SmallGemm.Padded(first + rows));
                _heads.Read(_rotated, token + first, rows, column, queries);
                _heads.Read(_gradient, token + first, rows, column, gradients);
                var (query, gradient) = (new Operand(queries, padded, 1), new Operand(gradients, padded, 1));
                // Q Kᵀ and dO Vᵀ, [rows, seen] each.
                SmallGemm.Run(query, keysTransposed, pitch, weights, pitch, rows, _heads.HeadSize, seen, adds: false);
                SmallGemm.Run(
                    gradient, valuesTransposed, pitch, slopes, pitch, rows, _heads.HeadSize, seen, adds: false);
                for (var row = 0; row < rows; row++)
                    Slopes(weights + row * pitch, slopes + row * pitch, seen, token, first + row, head,
                        gradients + row * padded);

                var (weight, slope) = (new Operand(weights, pitch, 1), new Operand(slopes, pitch, 1));
                // dV += Pᵀ dO, dK += dSᵀ Q: [end, headSize]; dQ = dS K: [rows, headSize].
                SmallGemm.Run(
                    weight.Transposed, gradients, padded, valueGradients, padded, end, rows, padded, adds: true);
                SmallGemm.Run(slope.Transposed, queries, padded, keyGradients, padded, end, rows, padded, adds: true);
                SmallGemm.Run(slope, keys, padded, queryGradients, padded, rows, end, padded, adds: false);
                _heads.Write(queryGradients, _qkvGradient, token + first, rows, column);
            }

            _heads.Rotate(_qkvGradient, token, length, column, backwards: true);
        }

        _heads.Write(keyGradients, _qkvGradient, token, length, _heads.KeyColumn(keyHead));
        _heads.Write(valueGradients, _qkvGradient, token, length, _heads.ValueColumn(keyHead));
        _heads.Rotate(_qkvGradient, token, length, _heads.KeyColumn(keyHead), backwards: true);
    }

    /// <summary>One query: scores become P, and dO Vᵀ becomes dS.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Slopes(float* weights, float* slopes, int columns, int token, int position, int head, float* gradient)
    {
        if (_heads.SoftCap > 0)
            _heads.Cap(weights, columns);
        AttentionForwardWork<T>.Hide(weights, _heads.FirstSeen(position), position + 1, columns);
        var attended = _attended[token + position] + _heads.QueryColumn(head);
        var dots = Vector512<float>.Zero;
        for (var i = 0; i < _heads.HeadSize; i += Row.Lanes)
        {
            var values = Row.Load(attended + i, _heads.HeadSize - i);
            dots = Vector512.FusedMultiplyAdd(values, Vector512.Load(gradient + i), dots);
        }

        var dot = Vector512.Create(Vector512.Sum(dots));
        var logSum = Vector512.Create(_logSums[(long)(token + position) * _heads.Heads + head]);
        var scale = Vector512.Create(_heads.Scale);
        if (_heads.SoftCap > 0)
            ThroughCap(weights, slopes, dot, columns);
        for (var i = 0; i < columns; i += Row.Lanes)
        {
            var weight = Exponential.Of(Vector512.FusedMultiplyAdd(Vector512.Load(weights + i), scale, -logSum));
            weight.Store(weights + i);
            (weight * (Vector512.Load(slopes + i) - dot) * scale).Store(slopes + i);
        }
    }

    /// <summary>What exceeds D of dO Vᵀ, times the slope of the cap: 1 - t² where the score is c t.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ThroughCap(float* products, float* slopes, Vector512<float> dot, int columns)
    {
        var inner = Vector512.Create(_heads.Scale / _heads.SoftCap);
        for (var i = 0; i < columns; i += Row.Lanes)
        {
            // Hidden products are far below; any slope will do for them, for their weight is zero.
            var t = Vector512.MaxNative(Vector512.Load(products + i) * inner, -Vector512<float>.One);
            var slope = Vector512<float>.One - t * t;
            Vector512.FusedMultiplyAdd(Vector512.Load(slopes + i) - dot, slope, dot).Store(slopes + i);
        }
    }
}
