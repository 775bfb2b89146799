using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Passes.Cpu;

/// <summary>sum = x + scale · delta.</summary>
internal readonly unsafe struct AddScaledWork<T>(Rows<T> x, Rows<T> delta, float scale, Rows<T> sum) : IRangeWork
    where T : unmanaged, IElement<T>
{
    private readonly Rows<T> _x = x;
    private readonly Rows<T> _delta = delta;
    private readonly float _scale = scale;
    private readonly Rows<T> _sum = sum;

    public void Run(int start, int end)
    {
        for (var row = start; row < end; row++)
            Add(_x[row], _delta[row], _scale, _sum[row], _x.Columns);
    }

    /// <summary>The same of one row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add(T* x, T* delta, float scale, T* sum, int columns)
    {
        for (var i = 0; i < columns; i += Row.Lanes)
        {
            var left = columns - i;
            var added = Vector512.FusedMultiplyAdd(
                Row.Load(delta + i, left), Vector512.Create(scale), Row.Load(x + i, left));
            Row.Store(sum + i, left, added);
        }
    }
}

/// <summary>y = factor · x.</summary>
internal readonly unsafe struct ScaleWork<T>(Rows<T> x, float factor, Rows<T> y) : IRangeWork
    where T : unmanaged, IElement<T>
{
    private readonly Rows<T> _x = x;
    private readonly float _factor = factor;
    private readonly Rows<T> _y = y;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int start, int end)
    {
        for (var row = start; row < end; row++)
        {
            T* x = _x[row], y = _y[row];
            for (var i = 0; i < _x.Columns; i += Row.Lanes)
                Row.Store(y + i, _x.Columns - i, Row.Load(x + i, _x.Columns - i) * _factor);
        }
    }
}

/// <summary>y += bias.</summary>
internal readonly unsafe struct AddBiasWork<T>(Rows<T> y, T* bias) : IRangeWork where T : unmanaged, IElement<T>
{
    private readonly Rows<T> _y = y;
    private readonly T* _bias = bias;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int start, int end)
    {
        for (var row = start; row < end; row++)
        {
            var y = _y[row];
            for (var i = 0; i < _y.Columns; i += Row.Lanes)
            {
                var left = _y.Columns - i;
                Row.Store(y + i, left, Row.Load(y + i, left) + Row.Load(_bias + i, left));
            }
        }
    }
}

/// <summary>y = x ⊙ mask / (1 - p), or y += that.</summary>
internal readonly unsafe struct DropoutWork<T>(Rows<T> x, double p, ulong key, Rows<T> y, bool adds) : IRangeWork
    where T : unmanaged, IElement<T>
{
    private readonly Rows<T> _x = x;
    private readonly uint _threshold = DropoutMask.Threshold(p);
    private readonly float _scale = (float)(1 / (1 - p));
    private readonly ulong _key = key;
    private readonly Rows<T> _y = y;
    private readonly bool _adds = adds;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int start, int end)
    {
        var columns = _x.Columns;
        var factors = stackalloc float[Row.Lanes];
        for (var row = start; row < end; row++)
        {
            T* x = _x[row], y = _y[row];
            for (var i = 0; i < columns; i += Row.Lanes)
            {
                var (left, index) = (columns - i, (uint)((long)row * columns + i));
                for (var lane = 0; lane < Row.Lanes; lane++)
                    factors[lane] = DropoutMask.Number(_key, index + (uint)lane) < _threshold ? 0 : _scale;
                var kept = Row.Load(x + i, left) * Vector512.Load(factors);
                Row.Store(y + i, left, _adds ? Row.Load(y + i, left) + kept : kept);
            }
        }
    }
}

/// <summary>target = scale · source, from float32 to the compute type.</summary>
internal readonly unsafe struct LoadWork<T>(float* source, float scale, Rows<T> target) : IRangeWork
    where T : unmanaged, IElement<T>
{
    private readonly FloatElement* _source = (FloatElement*)source;
    private readonly float _scale = scale;
    private readonly Rows<T> _target = target;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int start, int end)
    {
        var columns = _target.Columns;
        for (var row = start; row < end; row++)
        {
            var source = _source + (long)row * columns;
            var target = _target[row];
            for (var i = 0; i < columns; i += Row.Lanes)
                Row.Store(target + i, columns - i, Row.Load(source + i, columns - i) * _scale);
        }
    }
}

/// <summary>target += scale · source, from the compute type to float32.</summary>
internal readonly unsafe struct AccumulateWork<T>(Rows<T> source, float scale, float* target) : IRangeWork
    where T : unmanaged, IElement<T>
{
    private readonly Rows<T> _source = source;
    private readonly float _scale = scale;
    private readonly FloatElement* _target = (FloatElement*)target;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int start, int end)
    {
        var columns = _source.Columns;
        for (var row = start; row < end; row++)
        {
            var source = _source[row];
            var target = _target + (long)row * columns;
            for (var i = 0; i < columns; i += Row.Lanes)
            {
                var left = columns - i;
                Row.Store(target + i, left, Row.Load(target + i, left) + Row.Load(source + i, left) * _scale);
            }
        }
    }
}

/// <summary>Copies rows: target[i] = source[rows[i]], or target[rows[i]] = source[i].</summary>
internal readonly unsafe struct CopyRowsWork<T>(Rows<T> source, long* rows, Rows<T> target, bool scatters) : IRangeWork
    where T : unmanaged, IElement<T>
{
    private readonly Rows<T> _source = source;
    private readonly long* _rows = rows;
    private readonly Rows<T> _target = target;
    private readonly bool _scatters = scatters;

    public void Run(int start, int end)
    {
        var bytes = (long)_source.Columns * sizeof(T);
        for (var i = start; i < end; i++)
        {
            var other = (int)_rows[i];
            var (from, to) = _scatters ? (i, other) : (other, i);
            Buffer.MemoryCopy(_source[from], _target[to], bytes, bytes);
        }
    }
}

/// <summary>sums[ids[i]] += the rows of the i-th id, in order. What it runs over are ids.</summary>
internal readonly unsafe struct RowSumsWork<T>(
    Rows<T> source, long* order, long* starts, long* ids, Rows<FloatElement> sums) : IRangeWork
    where T : unmanaged, IElement<T>
{
    private readonly Rows<T> _source = source;
    private readonly long* _order = order;
    private readonly long* _starts = starts;
    private readonly long* _ids = ids;
    private readonly Rows<FloatElement> _sums = sums;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int start, int end)
    {
        var columns = _source.Columns;
        for (var group = start; group < end; group++)
        {
            var sums = _sums[(int)_ids[group]];
            for (var place = _starts[group]; place < _starts[group + 1]; place++)
            {
                var source = _source[(int)_order[place]];
                for (var i = 0; i < columns; i += Row.Lanes)
                {
                    var left = columns - i;
                    Row.Store(sums + i, left, Row.Load(sums + i, left) + Row.Load(source + i, left));
                }
            }
        }
    }
}
