using System.Runtime.InteropServices;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Native.Cuda;
using Lorikeet.Models.Passes.Cuda;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Decoding.Cuda;

/// <summary>
/// Projections that share their input: for few rows one launch that reads weights as they are stored, for more 4-bit
/// ones decoded on the way to the tensor cores, for many products of cuBLAS. One launch before it multiplies by A of
/// the rows' adapters.
/// </summary>
internal sealed unsafe class CudaBatchLinear : IBatchLinear
{
    private const int Aligned = 16, SmallestBlock = 64, RanksOfABlock = 4;

    private readonly CudaBatchRoom _room;
    private readonly FrozenWeight[] _weights;
    private readonly Tensor?[] _biases;
    private readonly DecodingAdapters?[] _adapters = new DecodingAdapters?[BatchAdapters.Most];
    private readonly Tensor _factors; // uint8: a FactorsView for each number
    private readonly bool _isGated, _isFourBit, _takesFew, _takesMany;
    private readonly int _outputs, _columns;
    private Tensor? _turned; // int64 [few rows, ranks]: A x beside the number of its step
    private int _mostRanks;
    private LinearView _linear;

    /// <summary>Prepares y = W x + bias + s · B A x.</summary>
    /// <param name="projections">One to three, stored alike.</param>
    /// <param name="isGated">Whether they are gate and up, and the result is silu(gate) ⊙ up.</param>
    /// <param name="room">What products share.</param>
    /// <param name="device">The model's.</param>
    public CudaBatchLinear(IReadOnlyList<Projection> projections, bool isGated, CudaBatchRoom room, Device device)
    {
        (_room, _isGated) = (room, isGated);
        _weights = [.. projections.Select(projection => projection.Weight)];
        _biases =
            [.. projections.Select(
                projection => projection.Bias?.to_type(ScalarType.BFloat16).contiguous().DetachFromDisposeScope())];
        _columns = (int)_weights[0].Columns;
        _isFourBit = _weights[0] is FourBitWeight;
        _takesFew = _columns % (_isFourBit ? 128 : 64) == 0
            && _weights.All(weight => Address(weight) % Aligned == 0 && HasWholeBlocks(weight));
        _takesMany = _isFourBit && _columns % SmallestBlock == 0
            && _weights.All(
                weight => Address(weight) % Aligned == 0 && ((FourBitWeight)weight).BlockSize >= SmallestBlock);
        (_linear.Count, _linear.Columns) = (projections.Count, _columns);
        if (_weights[0] is FourBitWeight fourBit)
            for (var i = 0; i < fourBit.Values.Length; i++)
                _linear.Values[i] = fourBit.Values[i];
        for (var i = 0; i < _weights.Length; i++)
        {
            _linear.All[i] = new LinearView.Part
            {
                Weight = Address(_weights[i]),
                Scales = _weights[i] is FourBitWeight codes ? new ScalePlaces(codes) : default,
                Bias = _biases[i] is { } bias ? (nint)TensorMemory.Address(bias) : 0,
                Rows = (int)_weights[i].Rows,
                FirstRow = _outputs,
                Pitch = PitchOf(_weights[i]),
            };
            _outputs += (int)_weights[i].Rows;
        }

        _factors = zeros([BatchAdapters.Most, sizeof(FactorsView)], ScalarType.Byte, device).DetachFromDisposeScope();
        room.HasDense |= !_takesMany;
    }

    public void Set(int adapter, DecodingAdapters? factors)
    {
        if (!ReferenceEquals(_adapters[adapter], factors))
            _room.Replace(adapter);
        _adapters[adapter] = factors;
        var view = new FactorsView();
        if (factors is not null)
        {
            (view.A, view.B) = ((nint)factors.A!.Pointer, (nint)factors.B!.Pointer);
            (view.Ranks, view.Pitch) = (factors.Rank, factors.B.Pitch);
            for (var i = 0; i < _weights.Length; i++)
                (view.Rank[i], view.FirstRank[i]) = (factors.RankOf(i), factors.FirstRank(i));
            if (factors.Rank > _mostRanks)
            {
                _mostRanks = factors.Rank;
                _turned?.Dispose();
                _turned = zeros([ProductKernels.FewRows, _mostRanks], ScalarType.Int64, _factors.device)
                    .DetachFromDisposeScope();
                _room.Invalidate();
            }
        }

        using var bytes = tensor(MemoryMarshal.AsBytes(new ReadOnlySpan<FactorsView>(in view)).ToArray());
        using var place = _factors.select(0, adapter);
        place.copy_(bytes);
    }

    public void Run(Matrix x, Matrix y, RowAdapters adapters)
    {
        var isFew = _takesFew
            && x.Rows <= (_isFourBit && _takesMany ? ProductKernels.FewFourBitRows : ProductKernels.FewRows);
        if (!isFew && !(_takesMany && x.Rows <= ProductKernels.ManyRows))
        {
            RunLibrary(x, y, adapters);
            return;
        }

        if (isFew && HasAdapters && _room.Kernels.ProjectsDown(_linear, _isGated, x.Rows * _mostRanks))
        {
            _room.Kernels.Few(_linear, _isFourBit, _isGated, x, y, View(adapters, 0, _mostRanks, Address(_turned!)));
            return;
        }

        using var hidden = ProjectDown(x, adapters, out var view);
        if (isFew)
            _room.Kernels.Few(_linear, _isFourBit, _isGated, x, y, view);
        else
            _room.Kernels.Many(_linear, _isGated, x, y, view);
    }

    private bool HasAdapters => _room.HasAdapters && _mostRanks > 0;

    /// <summary>A x for each row; null where no row has an adapter here.</summary>
    private Matrix? ProjectDown(Matrix x, RowAdapters adapters, out AdaptersView view)
    {
        view = default;
        if (!HasAdapters)
            return null;
        var hidden = _room.Take(ScratchUse.Hidden, x.Rows, _mostRanks, ScalarType.Float32);
        view = View(adapters, (nint)hidden.Pointer, hidden.Pitch, 0);
        _room.Kernels.ProjectDown.Launch(
            (long)(_mostRanks + RanksOfABlock - 1) / RanksOfABlock * x.Rows, ProductKernels.Threads, new MatrixView(x),
            view);
        return hidden;
    }

    private AdaptersView View(RowAdapters adapters, nint hidden, int pitch, nint turned) =>
        new(Address(_factors), Address(adapters.Numbers), hidden, pitch, Address(adapters.Turn), turned);

    private void RunLibrary(Matrix x, Matrix y, RowAdapters adapters)
    {
        // A recorded step takes each row's adapter from the device's memory, unless it is recorded for one adapter;
        // else rows of an adapter are one product.
        var byRow = HasAdapters && _room is { IsRecorded: true, Adapter: null };
        IReadOnlyList<AdapterRun> runs = !HasAdapters || byRow ? []
            : _room.Adapter is { } one ? [new AdapterRun(one, 0, x.Rows)]
            : adapters.Runs;
        var completes = _isGated || byRow || _biases.Any(bias => bias is not null)
            || (runs.Count > 0 && y.ElementType == ScalarType.Float32);
        using var own = completes ? _room.Take(ScratchUse.Product, x.Rows, _outputs, ScalarType.BFloat16) : null;
        var product = own ?? y;
        for (var i = 0; i < _weights.Length; i++)
        {
            using var decoded = Decode(_weights[i]);
            var (weight, part) = (decoded is null ? Address(_weights[i]) : (nint)decoded.Pointer, _linear.All[i]);
            Multiply(
                Place(x), new MatrixPlace(weight, part.Rows, _columns, part.Pitch), product, 0, x.Rows, part.FirstRow,
                scale: 0);
        }

        foreach (var run in runs)
            if (_adapters[run.Adapter] is { } factors)
                AddAdapter(x, product, run, factors);
        if (!completes)
            return;
        using var hidden = byRow ? ProjectDown(x, adapters, out var view) : NoAdapters(out view);
        var count = (long)x.Rows * (_isGated ? _linear.All[0].Rows : _outputs);
        _room.Kernels.Complete.Launch(
            (count + ProductKernels.Threads - 1) / ProductKernels.Threads, ProductKernels.Threads, _linear,
            new MatrixView(product), new MatrixView(y), ProductKernels.IsFloat(y), _isGated ? 1 : 0, view);
    }

    /// <summary>product += (x Aᵀ) Bᵀ for rows that share an adapter.</summary>
    private void AddAdapter(Matrix x, Matrix product, AdapterRun run, DecodingAdapters factors)
    {
        using var hidden = _room.Take(ScratchUse.RoundedHidden, run.Count, factors.Rank, ScalarType.BFloat16);
        var rows = Place(x) with
        {
            Address = (nint)(x.Pointer + (long)run.Start * x.Pitch * sizeof(ushort)),
            Rows = run.Count,
        };
        Multiply(rows, Place(factors.A!), hidden, 0, run.Count, 0, scale: 0);
        for (int i = 0, next; i < _weights.Length; i = next)
        {
            next = NextUnlike(factors, i);
            if (factors.RankOf(i) == 0)
                continue;
            var part = _linear.All[i];
            var input = Place(hidden) with
            {
                Address = (nint)(hidden.Pointer + factors.FirstRank(i) * sizeof(ushort)),
                Columns = factors.RankOf(i),
            };
            var b = Place(factors.B!) with
            {
                Address = (nint)(factors.B!.Pointer + (long)part.FirstRow * factors.B.Pitch * sizeof(ushort)),
                Rows = part.Rows,
            };
            _room.Cublas.AddProducts(
                input, input.Columns, b, (long)part.Rows * b.Pitch, Element(product, run.Start, part.FirstRow),
                product.Pitch, part.Rows, product.ElementType, next - i);
        }
    }

    /// <summary>The first projection after one that has another number of outputs, or another rank.</summary>
    private int NextUnlike(DecodingAdapters factors, int first)
    {
        var next = first + 1;
        while (next < _weights.Length && _linear.All[next].Rows == _linear.All[first].Rows
            && factors.RankOf(next) == factors.RankOf(first))
            next++;
        return next;
    }

    private void Multiply(
        MatrixPlace x, MatrixPlace w, Matrix y, int firstRow, int rows, int firstColumn, float scale)
    {
        _room.Cublas.Multiply(
            x with { Rows = rows }, w, w.Rows, Element(y, firstRow, firstColumn), y.Pitch, y.ElementType, scale);
    }

    private static byte* Element(Matrix matrix, int row, int column) =>
        matrix.Pointer + ((long)row * matrix.Pitch + column) * NativeTypes.SizeOf(matrix.ElementType);

    /// <summary>A 4-bit weight in bfloat16; null for one that is stored so.</summary>
    private Matrix? Decode(FrozenWeight weight)
    {
        if (!_isFourBit)
            return null;
        var matrix = _room.Take(ScratchUse.Weight, (int)weight.Rows, _columns, ScalarType.BFloat16);
        weight.CopyTo(matrix.Tensor);
        return matrix;
    }

    private static Matrix? NoAdapters(out AdaptersView view)
    {
        view = default;
        return null;
    }

    private static MatrixPlace Place(Matrix matrix) =>
        new((nint)matrix.Pointer, matrix.Rows, matrix.Columns, matrix.Pitch);

    private static nint Address(Tensor tensor) => (nint)TensorMemory.Address(tensor);

    private static nint Address(FrozenWeight weight) =>
        (nint)TensorMemory.Address(weight is FourBitWeight codes ? codes.Packed : ((DenseWeight)weight).Value);

    /// <summary>Numbers from row to row: training may have left room for factors between them.</summary>
    private static int PitchOf(FrozenWeight weight) =>
        (int)(weight is DenseWeight dense ? dense.Value.stride(0) : weight.Columns);

    private static bool HasWholeBlocks(FrozenWeight weight) => weight is not FourBitWeight fourBit
        || (fourBit.BlockSize >= SmallestBlock && weight.Columns % fourBit.BlockSize == 0);

    public void Dispose()
    {
        _factors.Dispose();
        _turned?.Dispose();
        foreach (var bias in _biases)
            bias?.Dispose();
    }
}
