using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Lorikeet.Models.Passes.Cpu;

/// <summary>
/// With p = softmax(logits): loss = -log p[target], and the logits become scale · (p - onehot(target)).
/// </summary>
internal readonly unsafe struct CrossEntropyWork<T>(Rows<T> logits, long* targets, float scale, double* losses)
    : IRangeWork
    where T : unmanaged, IElement<T>
{
    private readonly Rows<T> _logits = logits;
    private readonly long* _targets = targets;
    private readonly float _scale = scale;
    private readonly double* _losses = losses;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int start, int end)
    {
        for (var row = start; row < end; row++)
        {
            T* logits = _logits[row];
            var (largest, target) = (Largest(logits), (int)_targets[row]);
            var sum = Sum(logits, largest);
            var logit = T.Get(logits + target);
            _losses[row] = Math.Log(sum) + largest - logit;
            var probability = MathF.Exp(logit - largest) / sum;
            Differentiate(logits, largest, _scale / sum);
            T.Set(logits + target, _scale * (probability - 1));
        }
    }

    private float Largest(T* logits)
    {
        var columns = _logits.Columns;
        var (largest, whole) = (Vector512.Create(float.NegativeInfinity), columns / Row.Lanes * Row.Lanes);
        for (var i = 0; i < whole; i += Row.Lanes)
            largest = Vector512.Max(largest, T.Load(logits + i));
        var result = Vectors.Largest(largest);
        for (var i = whole; i < columns; i++)
            result = MathF.Max(result, T.Get(logits + i));
        return result;
    }

    private float Sum(T* logits, float largest)
    {
        var columns = _logits.Columns;
        var (sums, whole) = (Vector512<float>.Zero, columns / Row.Lanes * Row.Lanes);
        for (var i = 0; i < whole; i += Row.Lanes)
            sums += Exponential.Of(T.Load(logits + i) - Vector512.Create(largest));
        var sum = Vector512.Sum(sums);
        for (var i = whole; i < columns; i++)
            sum += MathF.Exp(T.Get(logits + i) - largest);
        return sum;
    }

    private void Differentiate(T* logits, float largest, float factor)
    {
        for (var i = 0; i < _logits.Columns; i += Row.Lanes)
        {
            var left = _logits.Columns - i;
            var shifted = Row.Load(logits + i, left) - Vector512.Create(largest);
            Row.Store(logits + i, left, Exponential.Of(shifted) * factor);
        }
    }
}
