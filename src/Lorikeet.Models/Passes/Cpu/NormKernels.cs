using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Lorikeet.Models.Passes.Cpu;

/// <summary>y = weight · x / rms(x).</summary>
internal readonly unsafe struct NormWork<T>(Rows<T> x, T* weight, float epsilon, Rows<T> y) : IRangeWork
    where T : unmanaged, IElement<T>
{
    private readonly Rows<T> _x = x;
    private readonly T* _weight = weight;
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

    /// <summary>As the reference: the normalised row is rounded before it meets the weight.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Normalise(T* x, T* weight, float inverse, T* y, int columns)
    {
        for (var i = 0; i < columns; i += Row.Lanes)
        {
            var left = columns - i;
            var normalised = T.Round(Row.Load(x + i, left) * inverse);
            Row.Store(y + i, left, normalised * Row.Load(weight + i, left));
        }
    }
}

/// <summary>sum = x + delta, y = weight · sum / rms(sum).</summary>
internal readonly unsafe struct AddNormWork<T>(
    Rows<T> x, Rows<T> delta, T* weight, float epsilon, Rows<T> sum, Rows<T> y) : IRangeWork
    where T : unmanaged, IElement<T>
{
    private readonly Rows<T> _x = x;
    private readonly Rows<T> _delta = delta;
    private readonly T* _weight = weight;
    private readonly float _epsilon = epsilon;
    private readonly Rows<T> _sum = sum;
    private readonly Rows<T> _y = y;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int start, int end)
    {
        var columns = _x.Columns;
        for (var row = start; row < end; row++)
        {
            T* x = _x[row], delta = _delta[row], sum = _sum[row];
            for (var i = 0; i < columns; i += Row.Lanes)
            {
                var left = columns - i;
                Row.Store(sum + i, left, Row.Load(x + i, left) + Row.Load(delta + i, left));
            }

            NormWork<T>.Normalise(sum, _weight, NormWork<T>.InverseRms(sum, columns, _epsilon), _y[row], columns);
        }
    }
}

/// <summary>
/// With r = 1 / rms(x): dx = residual + r (w ⊙ dy) - x r³ / n · ⟨w ⊙ dy, x⟩, and y = w ⊙ x r once more.
/// </summary>
internal readonly unsafe struct NormBackwardWork<T>(
    Rows<T> x, T* weight, float epsilon, Rows<T> dy, Rows<T> residual, Rows<T> dx, Rows<T> normalised) : IRangeWork
    where T : unmanaged, IElement<T>
{
    private readonly Rows<T> _x = x;
    private readonly T* _weight = weight;
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
            var (squares, dots) = (Vector512<float>.Zero, Vector512<float>.Zero);
            for (var i = 0; i < columns; i += Row.Lanes)
            {
                var left = columns - i;
                var values = Row.Load(x + i, left);
                squares = Vector512.FusedMultiplyAdd(values, values, squares);
                dots = Vector512.FusedMultiplyAdd(Row.Load(dy + i, left) * Row.Load(_weight + i, left), values, dots);
            }

            var inverse = 1 / MathF.Sqrt(Vector512.Sum(squares) / columns + _epsilon);
            var pull = inverse * inverse * inverse * Vector512.Sum(dots) / columns;
            for (var i = 0; i < columns; i += Row.Lanes)
            {
                var left = columns - i;
                var gradient =
                    Row.Load(dy + i, left) * Row.Load(_weight + i, left) * inverse - Row.Load(x + i, left) * pull;
                Row.Store(dx + i, left, Row.Load(residual + i, left) + gradient);
            }

            NormWork<T>.Normalise(x, _weight, inverse, _normalised[row], columns);
        }
    }
}

/// <summary>
/// With r = 1 / rms(x): dx = r (w ⊙ dy) - x r³ / n · ⟨w ⊙ dy, x⟩, of a row or of a part of one.
/// </summary>
internal static unsafe class NormGradient<T> where T : unmanaged, IElement<T>
{
    /// <summary>Writes dx, which may lie where dy does.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Of(T* x, T* weight, T* dy, T* dx, int columns, float epsilon)
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
        var pull = inverse * inverse * inverse * Vector512.Sum(dots) / columns;
        for (var i = 0; i < columns; i += Row.Lanes)
        {
            var left = columns - i;
            Row.Store(
                dx + i, left,
                Row.Load(dy + i, left) * Row.Load(weight + i, left) * inverse - Row.Load(x + i, left) * pull);
        }
    }
}
