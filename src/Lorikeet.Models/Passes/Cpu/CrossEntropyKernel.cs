using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Lorikeet.Models.Passes.Cpu;

/// <summary>What logits are before the softmax.</summary>
internal interface ILogitCap
{
    /// <summary>The logits that count.</summary>
    static abstract Vector512<float> Of(Vector512<float> logits, float cap);

    /// <summary>Their slope by the logits as the head gave them, where they are <paramref name="capped"/>.</summary>
    static abstract Vector512<float> Slope(Vector512<float> capped, float cap);
}

/// <summary>The logits as the head gave them.</summary>
internal readonly struct NoCap : ILogitCap
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Of(Vector512<float> logits, float cap) => logits;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Slope(Vector512<float> capped, float cap) => Vector512<float>.One;
}

/// <summary>c tanh(x / c), of slope 1 - tanh².</summary>
internal readonly struct SoftCap : ILogitCap
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Of(Vector512<float> logits, float cap) =>
        HyperbolicTangent.Of(logits * (1 / cap)) * cap;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Slope(Vector512<float> capped, float cap)
    {
        var tangent = capped * (1 / cap);
        return Vector512<float>.One - tangent * tangent;
    }
}

/// <summary>
/// With p = softmax(logits): loss = -log p[target], and the logits become scale · (p - onehot(target)), times the slope
/// of the cap.
/// </summary>
internal readonly unsafe struct CrossEntropyWork<T, TCap>(
    Rows<T> logits, long* targets, float scale, float cap, double* losses) : IRangeWork
    where T : unmanaged, IElement<T>
    where TCap : unmanaged, ILogitCap
{
    private readonly Rows<T> _logits = logits;
    private readonly long* _targets = targets;
    private readonly float _scale = scale;
    private readonly float _cap = cap;
    private readonly double* _losses = losses;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int start, int end)
    {
        for (var row = start; row < end; row++)
        {
            T* logits = _logits[row];
            var (largest, target) = (Largest(logits), (int)_targets[row]);
            var sum = Sum(logits, largest);
            var logit = Capped(logits + target);
            _losses[row] = Math.Log(sum) + largest - logit;
            var probability = MathF.Exp(logit - largest) / sum;
            Differentiate(logits, largest, _scale / sum);
            var slope = TCap.Slope(Vector512.Create(logit), _cap).ToScalar();
            T.Set(logits + target, _scale * (probability - 1) * slope);
        }
    }

    private float Capped(T* logit) => TCap.Of(Vector512.Create(T.Get(logit)), _cap).ToScalar();

    private float Largest(T* logits)
    {
        var columns = _logits.Columns;
        var (largest, whole) = (Vector512.Create(float.NegativeInfinity), columns / Row.Lanes * Row.Lanes);
        for (var i = 0; i < whole; i += Row.Lanes)
            largest = Vector512.Max(largest, TCap.Of(T.Load(logits + i), _cap));
        var result = Vectors.Largest(largest);
        for (var i = whole; i < columns; i++)
            result = MathF.Max(result, Capped(logits + i));
        return result;
    }

    private float Sum(T* logits, float largest)
    {
        var columns = _logits.Columns;
        var (sums, whole) = (Vector512<float>.Zero, columns / Row.Lanes * Row.Lanes);
        for (var i = 0; i < whole; i += Row.Lanes)
            sums += Exponential.Of(TCap.Of(T.Load(logits + i), _cap) - Vector512.Create(largest));
        var sum = Vector512.Sum(sums);
        for (var i = whole; i < columns; i++)
            sum += MathF.Exp(Capped(logits + i) - largest);
        return sum;
    }

    private void Differentiate(T* logits, float largest, float factor)
    {
        for (var i = 0; i < _logits.Columns; i += Row.Lanes)
        {
            var left = _logits.Columns - i;
            var capped = TCap.Of(Row.Load(logits + i, left), _cap);
            var probability = Exponential.Of(capped - Vector512.Create(largest)) * factor;
            if (typeof(TCap) != typeof(NoCap))
                probability *= TCap.Slope(capped, _cap);
            Row.Store(logits + i, left, probability);
        }
    }
}
