using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Lorikeet.Models.Passes.Cpu;

/// <summary>sums += scale · factors ⊙ Σ over rows of a ⊙ b. What it runs over are vectors of columns.</summary>
/// <param name="a">[rows, columns].</param>
/// <param name="b">As large; only read if <paramref name="multiplies"/>.</param>
/// <param name="multiplies">Whether a is multiplied by b.</param>
/// <param name="rows">Rows of both.</param>
/// <param name="scale">Factor of all sums.</param>
/// <param name="factors">A factor of each sum; null for 1.</param>
/// <param name="sums">[columns].</param>
internal readonly unsafe struct ColumnSumsWork<T>(
    Rows<T> a, Rows<T> b, bool multiplies, int rows, float scale, float* factors, float* sums) : IRangeWork
    where T : unmanaged, IElement<T>
{
    // Sums of sums: the error grows with the logarithm of the rows.
    private const int RowsOfPart = 64;

    private readonly Rows<T> _a = a;
    private readonly Rows<T> _b = b;
    private readonly bool _multiplies = multiplies;
    private readonly int _rows = rows;
    private readonly float _scale = scale;
    private readonly FloatElement* _factors = (FloatElement*)factors;
    private readonly FloatElement* _sums = (FloatElement*)sums;

    /// <summary>Vectors that hold so many columns.</summary>
    public static int Vectors(int columns) => (columns + Row.Lanes - 1) / Row.Lanes;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int start, int end)
    {
        for (var i = start * Row.Lanes; i < Math.Min(end * Row.Lanes, _a.Columns); i += Row.Lanes)
        {
            var (left, sum) = (_a.Columns - i, Vector512<float>.Zero);
            for (var first = 0; first < _rows; first += RowsOfPart)
                sum += Part(first, Math.Min(first + RowsOfPart, _rows), i, left);
            sum *= _scale;
            if (_factors is not null)
                sum *= Row.Load(_factors + i, left);
            Row.Store(_sums + i, left, Row.Load(_sums + i, left) + sum);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector512<float> Part(int first, int end, int column, int left)
    {
        var sum = Vector512<float>.Zero;
        for (var row = first; row < end; row++)
        {
            var values = Row.Load(_a[row] + column, left);
            sum = _multiplies
                ? Vector512.FusedMultiplyAdd(values, Row.Load(_b[row] + column, left), sum)
                : sum + values;
        }

        return sum;
    }
}

/// <summary>y = factors ⊙ x, or y += that; a factor for each column.</summary>
internal readonly unsafe struct ScaleColumnsWork<T>(Rows<T> x, float* factors, Rows<T> y, bool adds) : IRangeWork
    where T : unmanaged, IElement<T>
{
    private readonly Rows<T> _x = x;
    private readonly FloatElement* _factors = (FloatElement*)factors;
    private readonly Rows<T> _y = y;
    private readonly bool _adds = adds;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int start, int end)
    {
        for (var row = start; row < end; row++)
        {
            T* x = _x[row], y = _y[row];
            for (var i = 0; i < _x.Columns; i += Row.Lanes)
            {
                var left = _x.Columns - i;
                var scaled = Row.Load(x + i, left) * Row.Load(_factors + i, left);
                Row.Store(y + i, left, _adds ? Row.Load(y + i, left) + scaled : scaled);
            }
        }
    }
}
