using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Native.Cuda;
using Lorikeet.Models.Passes.Cuda;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Decoding.Cuda;

/// <summary>
/// Projections that share their input: one launch, and one before it for the factors A of their adapters.
/// </summary>
internal sealed unsafe class CudaDecodingLinear : IDecodingLinear
{
    private const int TileRows = 16;

    private readonly DecodingAdapters _adapters;
    private readonly Tensor?[] _biases;
    private readonly CudaKernel _kernel, _projectDown;
    private readonly Matrix? _loraHidden; // float32 [rows of x, ranks]
    private readonly long _blocks;
    private Gemv _gemv;

    public CudaDecodingLinear(IReadOnlyList<Projection> projections, bool isGated, GemvKernels kernels, Device device)
    {
        var weight = projections[0].Weight;
        (_kernel, _projectDown) = (kernels.For(weight, isGated), kernels.ProjectDown);
        _adapters = new DecodingAdapters(projections, ScalarType.BFloat16, device);
        _biases =
            [.. projections.Select(
                projection => projection.Bias?.to_type(ScalarType.BFloat16).DetachFromDisposeScope())];
        _blocks = isGated
            ? Tiles(weight.Rows, TileRows / 2)
            : projections.Sum(projection => Tiles(projection.Weight.Rows, TileRows));
        (_gemv.Count, _gemv.Columns) = (projections.Count, (int)weight.Columns);
        if (weight is FourBitWeight fourBit)
            for (var i = 0; i < fourBit.Values.Length; i++)
                _gemv.Values[i] = fourBit.Values[i];
        if (_adapters.Rank > 0)
        {
            _loraHidden = Matrix.Create(DecodingSupport.MostRows, _adapters.Rank, ScalarType.Float32, device);
            (_gemv.LoraHidden, _gemv.LoraPitch) = ((nint)_loraHidden.Pointer, _loraHidden.Pitch);
            _gemv.FactorPitch = _adapters.B!.Pitch;
        }

        var row = 0;
        for (var i = 0; i < projections.Count; i++)
        {
            _gemv.All[i] = Describe(projections[i].Weight, i, row);
            row += (int)projections[i].Weight.Rows;
        }
    }

    public IEnumerable<FactorBlock> Factors => _adapters.Factors;

    public void Run(Matrix x, Matrix y)
    {
        if (_loraHidden is not null)
            _projectDown.Launch(
                _adapters.Rank, GemvKernels.Threads, new MatrixView(_adapters.A!), new MatrixView(x),
                (nint)_loraHidden.Pointer);
        _kernel.Launch(
            _blocks, GemvKernels.Threads, _gemv, new MatrixView(x), new MatrixView(y),
            y.ElementType == ScalarType.Float32 ? 1 : 0);
    }

    private Gemv.Part Describe(FrozenWeight weight, int index, int firstRow) => new()
    {
        Weight = (nint)TensorMemory.Address(weight is FourBitWeight codes ? codes.Packed : ((DenseWeight)weight).Value),
        Scales = weight is FourBitWeight fourBit ? new ScalePlaces(fourBit) : default,
        Bias = _biases[index] is { } bias ? (nint)TensorMemory.Address(bias) : 0,
        Factor = _adapters.RankOf(index) > 0 ? (nint)_adapters.B!.RowRange(firstRow, (int)weight.Rows).Pointer : 0,
        Rows = (int)weight.Rows,
        FirstRow = firstRow,
        Rank = _adapters.RankOf(index),
        FirstRank = _adapters.FirstRank(index),
    };

    private static long Tiles(long rows, int height) => (rows + height - 1) / height;

    public void Dispose()
    {
        _adapters.Dispose();
        _loraHidden?.Dispose();
        foreach (var bias in _biases)
            bias?.Dispose();
    }
}
