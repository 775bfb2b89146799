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
    private readonly RowFactors<T> _factors = new();
    private readonly int[] _rows; // outputs of each projection
    private CpuFactors<T>? _own;
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
        _rows = [.. projections.Select(projection => (int)projection.Weight.Rows)];
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
        if (_adapters.Rank > 0)
            _own ??= new CpuFactors<T>(_adapters, _rows);
        _work.Factors = _own is null ? null
            : _factors.ProjectDown([_own], _rows.Length, x, [new AdapterRun(0, 0, x.Rows)]);
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
            Rows = (int)weight.Rows,
            FirstRow = firstRow,
        };

    public void Dispose()
    {
        _adapters.Dispose();
        _factors.Dispose();
        _own?.Dispose();
        foreach (var bias in _biases)
            bias?.Dispose();
    }
}
