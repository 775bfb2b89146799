// Norms of rows. A weight of the compute type meets rows that were rounded to it; a float32 weight beside narrower rows
// meets them in float32, and only the product is rounded (NormFactor.cs).
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Lorikeet.Models.Passes.Cpu;

/// <summary>y = weight · x / rms(x).</summary>
internal readonly unsafe struct NormWork<T, TWeight>(Rows<T> x, TWeight* weight, float epsilon, Rows<T> y) : IRangeWork
    where T : unmanaged, IElement<T>
    where TWeight : unmanaged, IElement<TWeight>
{
    private readonly Rows<T> _x = x;
    private readonly TWeight* _weight = weight;
    private readonly float _epsilon = epsilon;
    private readonly Rows<T> _y = y;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int start, int end)
    {
        for (var row = start; row < end; row++)
        {
            var x = _x[row];
            Normalise(x, _weight, InverseRms(x, _x.Columns, _epsilon), _y[row], _x.Columns);
        }
    }

    /// <summary>1 / sqrt(mean(x²) + ε).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float InverseRms(T* x, int columns, float epsilon)
    {
        var squares = Vector512<float>.Zero;
        for (var i = 0; i < columns; i += Row.Lanes)
        {
            var values = Row.Load(x + i, columns - i);
            squares = Vector512.FusedMultiplyAdd(values, values, squares);
        }

        return 1 / MathF.Sqrt(Vector512.Sum(squares) / columns + epsilon);
    }

    /// <summary>As the reference: rounded before it meets a weight of the same type.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Normalise(T* x, TWeight* weight, float inverse, T* y, int columns)
    {
        for (var i = 0; i < columns; i += Row.Lanes)
        {
            var left = columns - i;
            var normalised = Row.Load(x + i, left) * inverse;
            if (typeof(T) == typeof(TWeight))
                normalised = T.Round(normalised);
            Row.Store(y + i, left, normalised * Row.Load(weight + i, left));
        }
    }
}

/// <summary>sum = x + scale · delta, y = weight · sum / rms(sum).</summary>
internal readonly unsafe struct AddNormWork<T, TWeight>(
    Rows<T> x, Rows<T> delta, float scale, TWeight* weight, float epsilon, Rows<T> sum, Rows<T> y) : IRangeWork
    where T : unmanaged, IElement<T>
    where TWeight : unmanaged, IElement<TWeight>
{
    private readonly Rows<T> _x = x;
    private readonly Rows<T> _delta = delta;
    private readonly float _scale = scale;
    private readonly TWeight* _weight = weight;
    private readonly float _epsilon = epsilon;
    private readonly Rows<T> _sum = sum;
    private readonly Rows<T> _y = y;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int start, int end)
    {
        var columns = _x.Columns;
        for (var row = start; row < end; row++)
        {
            T* x = _x[row], sum = _sum[row];
            AddScaledWork<T>.Add(x, _delta[row], _scale, sum, columns);
            var inverse = NormWork<T, TWeight>.InverseRms(sum, columns, _epsilon);
            NormWork<T, TWeight>.Normalise(sum, _weight, inverse, _y[row], columns);
        }
    }
}

/// <summary>
/// With r = 1 / rms(x): dx = residual + r (w ⊙ dy) - x r³ / n · ⟨w ⊙ dy, x⟩, and y = w ⊙ x r once more.
/// </summary>
internal readonly unsafe struct NormBackwardWork<T, TWeight>(
    Rows<T> x, TWeight* weight, float epsilon, Rows<T> dy, Rows<T> residual, Rows<T> dx,
    Rows<T> normalised) : IRangeWork
    where T : unmanaged, IElement<T>
    where TWeight : unmanaged, IElement<TWeight>
{
    private readonly Rows<T> _x = x;
    private readonly TWeight* _weight = weight;
    private readonly float _epsilon = epsilon;
    private readonly Rows<T> _dy = dy;
    private readonly Rows<T> _residual = residual;
    private readonly Rows<T> _dx = dx;
    private readonly Rows<T> _normalised = normalised;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int start, int end)
    {
        var columns = _x.Columns;
        for (var row = start; row < end; row++)
        {
            T* x = _x[row], dy = _dy[row], residual = _residual[row], dx = _dx[row];
            var (inverse, pull) = NormGradientWork<T, TWeight>.Factors(x, _weight, dy, columns, _epsilon);
            for (var i = 0; i < columns; i += Row.Lanes)
            {
                var left = columns - i;
                var gradient =
                    Row.Load(dy + i, left) * Row.Load(_weight + i, left) * inverse - Row.Load(x + i, left) * pull;
                Row.Store(dx + i, left, Row.Load(residual + i, left) + gradient);
            }

            NormWork<T, TWeight>.Normalise(x, _weight, inverse, _normalised[row], columns);
        }
    }
}

/// <summary>The gradient alone: dx = r (w ⊙ dy) - x r³ / n · ⟨w ⊙ dy, x⟩.</summary>
internal readonly unsafe struct NormGradientWork<T, TWeight>(
    Rows<T> x, TWeight* weight, float epsilon, Rows<T> dy, Rows<T> dx) : IRangeWork
    where T : unmanaged, IElement<T>
    where TWeight : unmanaged, IElement<TWeight>
{
    private readonly Rows<T> _x = x;
    private readonly TWeight* _weight = weight;
    private readonly float _epsilon = epsilon;
    private readonly Rows<T> _dy = dy;
    private readonly Rows<T> _dx = dx;

    public void Run(int start, int end)
    {
        for (var row = start; row < end; row++)
            Differentiate(_x[row], _weight, _dy[row], _dx[row], _x.Columns, _epsilon);
    }

    /// <summary>The same of a row or of a part of one; dx may lie where dy does.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Differentiate(T* x, TWeight* weight, T* dy, T* dx, int columns, float epsilon)
    {
        var (inverse, pull) = Factors(x, weight, dy, columns, epsilon);
        for (var i = 0; i < columns; i += Row.Lanes)
        {
            var left = columns - i;
            Row.Store(
                dx + i, left,
                Row.Load(dy + i, left) * Row.Load(weight + i, left) * inverse - Row.Load(x + i, left) * pull);
        }
    }

    /// <summary>r and r³ / n · ⟨w ⊙ dy, x⟩.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (float Inverse, float Pull) Factors(T* x, TWeight* weight, T* dy, int columns, float epsilon)
    {
        var (squares, dots) = (Vector512<float>.Zero, Vector512<float>.Zero);
        for (var i = 0; i < columns; i += Row.Lanes)
        {
            var left = columns - i;
            var values = Row.Load(x + i, left);
            squares = Vector512.FusedMultiplyAdd(values, values, squares);
            dots = Vector512.FusedMultiplyAdd(Row.Load(dy + i, left) * Row.Load(weight + i, left), values, dots);
        }

        var inverse = 1 / MathF.Sqrt(Vector512.Sum(squares) / columns + epsilon);
        return (inverse, inverse * inverse * inverse * Vector512.Sum(dots) / columns);
    }
}
