using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes.Cpu;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>
/// Projections that share their input: for few rows one loop over the tiles of all of them, which reads weights as they
/// are stored; for more rows GEMMs of libtorch over weights that are decoded some rows at a time.
/// </summary>
/// <typeparam name="T">The compute type.</typeparam>
/// <typeparam name="TRows">How the weights are stored.</typeparam>
internal sealed unsafe class CpuBatchLinear<T, TRows> : IBatchLinear
    where T : unmanaged, IElement<T>
    where TRows : unmanaged, IWeightRows
{
    private readonly CpuBatchRoom<T> _room;
    private readonly int _fewRows; // most rows for loops over the weights
    private readonly FrozenWeight[] _weights;
    private readonly Matrix?[] _dense; // weights stored as numbers; they stay here wherever the model moves them
    private readonly Tensor?[] _biases;
    private readonly CpuFactors<T>?[] _factors = new CpuFactors<T>?[BatchAdapters.Most];
    private readonly int[] _rows; // outputs of each projection
    private GemvWork<T, TRows> _work;

    /// <summary>Prepares y = W x + bias + s · B A x.</summary>
    /// <param name="projections">One to three, stored alike.</param>
    /// <param name="isGated">Whether they are gate and up, and the result is silu(gate) ⊙ up.</param>
    /// <param name="rowsOf">Reads a weight.</param>
    /// <param name="room">What products share.</param>
    public CpuBatchLinear(
        IReadOnlyList<Projection> projections, bool isGated, Func<FrozenWeight, TRows> rowsOf, CpuBatchRoom<T> room)
    {
        var type = typeof(T) == typeof(FloatElement) ? ScalarType.Float32 : ScalarType.BFloat16;
        _room = room;
        _weights = [.. projections.Select(projection => projection.Weight)];
        _fewRows = room.FewRowsOf(_weights);
        _rows = [.. _weights.Select(weight => (int)weight.Rows)];
        _dense = [.. _weights.Select(weight => (weight as DenseWeight)?.Value is { } value
            ? new Matrix(value.alias())
            : null)];
        _biases = [.. projections.Select(
            projection => projection.Bias?.to_type(type).contiguous().DetachFromDisposeScope())];
        (_work.Count, _work.IsGated, _work.Columns) = (projections.Count, isGated, (int)_weights[0].Columns);
        var row = 0;
        for (var i = 0; i < _weights.Length; row += _rows[i++])
        {
            var values = _weights[i] is FourBitWeight codes ? codes.Packed : ((DenseWeight)_weights[i]).Value;
            HugePages.Use(TensorMemory.Pointer(values), values.NumberOfElements * values.ElementSize);
            _work.All[i] = new GemvPart<T, TRows>
            {
                Weight = rowsOf(_weights[i]),
                Bias = _biases[i] is { } bias ? (T*)TensorMemory.Pointer(bias) : null,
                Rows = _rows[i],
                FirstRow = row,
            };
        }
    }

    public void Set(int adapter, DecodingAdapters? factors)
    {
        _factors[adapter]?.Dispose();
        _factors[adapter] = factors is null ? null : new CpuFactors<T>(factors, _rows);
    }

    public void Run(Matrix x, Matrix y, RowAdapters adapters)
    {
        var factors = _room.Factors.ProjectDown(_factors, _weights.Length, x, adapters.Runs);
        if (x.Rows <= _fewRows)
            RunFew(x, y, factors);
        else if (_room.Scratch.ElementType == ScalarType.BFloat16)
            RunMany<BFloat16Element>(x, y, factors);
        else
            RunMany<FloatElement>(x, y, factors);
    }

    private void RunFew(Matrix x, Matrix y, RowFactor<T>* factors)
    {
        _work.X = new ArrangedVectors((float*)_room.Input.Pointer, _room.Input.Pitch, x.Rows);
        _work.XRows = x.Rows;
        _work.Factors = factors;
        WorkerTeam.Run(new ArrangeWork<T, TRows>(new(x), _work.All[0].Weight, _work.X), x.Rows, x.Columns);
        _work.Y = y.Pointer;
        (_work.YPitch, _work.IsWide) = (y.Pitch, y.ElementType == ScalarType.Float32);
        WorkerTeam.Run(_work, _work.Tiles, (long)_work.Columns * Row.Lanes);
    }

    private void RunMany<TProduct>(Matrix x, Matrix y, RowFactor<T>* factors)
        where TProduct : unmanaged, IElement<TProduct>
    {
        var input = x;
        if (typeof(TProduct) != typeof(T))
        {
            input = _room.Scratch.Take(ScratchUse.Input, x.Rows, x.Columns);
            input.Tensor.copy_(x.Tensor);
        }

        for (var i = 0; i < (_work.IsGated ? 1 : _weights.Length); i++)
        {
            var step = WeightTiles.RowsOf(_weights[i]);
            for (var first = 0; first < _rows[i]; first += step)
            {
                var outputs = Math.Min(step, _rows[i] - first);
                var work = new ProductWork<T, TProduct>
                {
                    First = Multiply<TProduct>(ScratchUse.Product, input, i, first, outputs, factors),
                    IsGated = _work.IsGated,
                    Outputs = outputs,
                    FirstOutput = first,
                    Column = _work.All[i].FirstRow + first,
                    Y = y.Pointer,
                    YPitch = y.Pitch,
                    IsWide = y.ElementType == ScalarType.Float32,
                };
                if (_work.IsGated)
                    work.Second = Multiply<TProduct>(ScratchUse.GatedProduct, input, 1, first, outputs, factors);
                WorkerTeam.Run(work, x.Rows, outputs);
            }
        }
    }

    private ProductPart<T, TProduct> Multiply<TProduct>(
        ScratchUse use, Matrix x, int projection, int first, int outputs, RowFactor<T>* factors)
        where TProduct : unmanaged, IElement<TProduct>
    {
        var weight = _room.Tiles.Take(_weights[projection], _dense[projection], first, outputs);
        var product = _room.Scratch.Take(use, x.Rows, outputs);
        Aten.Multiply(product.Tensor, x.Tensor, weight.Transposed);
        return new ProductPart<T, TProduct>
        {
            Product = new Rows<TProduct>(product),
            Bias = _work.All[projection].Bias,
            Factors = factors is null ? null : factors + (long)projection * x.Rows,
        };
    }

    public void Dispose()
    {
        foreach (var factors in _factors)
            factors?.Dispose();
        foreach (var bias in _biases)
            bias?.Dispose();
        foreach (var dense in _dense)
            dense?.Dispose();
    }
}
