using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes.Cpu;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>Projections that share their input, as one loop over the tiles of all of them.</summary>
/// <typeparam name="T">The compute type.</typeparam>
/// <typeparam name="TRows">How the weights are stored.</typeparam>
internal sealed unsafe class CpuDecodingLinear<T, TRows> : IDecodingLinear
    where T : unmanaged, IElement<T>
    where TRows : unmanaged, IWeightRows
{
    private readonly DecodingAdapters _adapters;
    private readonly Tensor?[] _biases;
    private readonly Matrix? _loraHidden; // float32 [rows of x, ranks]
    private GemvWork<T, TRows> _work;

    /// <summary>Prepares y = W x + b + s · B A x for up to <see cref="DecodingSupport.MostRows"/> rows.</summary>
    /// <param name="projections">One to three, stored alike.</param>
    /// <param name="isGated">Whether they are gate and up, and the result is silu(gate) ⊙ up.</param>
    /// <param name="rowsOf">Reads a weight.</param>
    /// <param name="input">Where inputs are arranged: float32 [padded rows, at least the columns], zero.</param>
    /// <param name="rows">Rows of x.</param>
    public CpuDecodingLinear(
        IReadOnlyList<Projection> projections, bool isGated, Func<FrozenWeight, TRows> rowsOf, Matrix input, int rows)
    {
        var type = typeof(T) == typeof(FloatElement) ? ScalarType.Float32 : ScalarType.BFloat16;
        _adapters = new DecodingAdapters(projections, type, CPU);
        _biases = [.. projections.Select(
            projection => projection.Bias?.to_type(type).contiguous().DetachFromDisposeScope())];
        (_work.Count, _work.IsGated, _work.Columns) = (projections.Count, isGated, (int)projections[0].Weight.Columns);
        _work.X = new ArrangedVectors((float*)input.Pointer, input.Pitch, rows);
        _work.XRows = rows;
        if (_adapters.Rank > 0)
        {
            _loraHidden = Matrix.Create(rows, _adapters.Rank, ScalarType.Float32, CPU);
            _work.LoraHidden = (float*)_loraHidden.Pointer;
            _work.LoraPitch = _loraHidden.Pitch;
        }

        var row = 0;
        for (var i = 0; i < projections.Count; i++)
        {
            _work.All[i] = Describe(projections[i].Weight, rowsOf, i, row);
            row += (int)projections[i].Weight.Rows;
        }
    }

    public IEnumerable<FactorBlock> Factors => _adapters.Factors;

    public void Run(Matrix x, Matrix y)
    {
        if (_loraHidden is not null)
            WorkerTeam.Run(
                new ProjectDownWork<T>(new(_adapters.A!), new(x), x.Rows, _work.LoraHidden, _work.LoraPitch),
                _adapters.Rank, x.Columns);
        WorkerTeam.Run(new ArrangeWork<T, TRows>(new(x), _work.All[0].Weight, _work.X), x.Rows, x.Columns);
        _work.Y = y.Pointer;
        (_work.YPitch, _work.IsWide) = (y.Pitch, y.ElementType == ScalarType.Float32);
        WorkerTeam.Run(_work, _work.Tiles, (long)_work.Columns * Row.Lanes);
    }

    private GemvPart<T, TRows> Describe(FrozenWeight weight, Func<FrozenWeight, TRows> rowsOf, int index,
        int firstRow) => new()
        {
            Weight = rowsOf(weight),
            Bias = _biases[index] is { } bias ? (T*)TensorMemory.Pointer(bias) : null,
            Factor = _adapters.RankOf(index) > 0 ? (T*)_adapters.B!.RowRange(firstRow, (int)weight.Rows).Pointer : null,
            FactorPitch = _adapters.B?.Pitch ?? 0,
            Rows = (int)weight.Rows,
            FirstRow = firstRow,
            Rank = _adapters.RankOf(index),
            FirstRank = _adapters.FirstRank(index),
        };

    public void Dispose()
    {
        _adapters.Dispose();
        _loraHidden?.Dispose();
        foreach (var bias in _biases)
            bias?.Dispose();
    }
}
