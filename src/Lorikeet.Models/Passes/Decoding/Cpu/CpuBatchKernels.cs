using System.Runtime.InteropServices;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes.Cpu;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>
/// A step of many sequences on a CPU in vectorized C#, float32 or fixed point inside, on the threads of libtorch: for
/// few rows it costs what reading the weights from memory costs.
/// </summary>
/// <typeparam name="T">The compute type.</typeparam>
internal sealed unsafe class CpuBatchKernels<T> : IBatchKernels where T : unmanaged, IElement<T>
{
    private readonly AttentionShape _shape;
    private readonly VectorPath _path;
    private readonly CpuBatchRoom<T> _room;
    private readonly List<RowTile> _tiles = [];

    /// <summary>Kernels for a model.</summary>
    /// <param name="shape">The model's attention.</param>
    /// <param name="widest">Columns of the widest weight.</param>
    /// <param name="gemmType">What GEMMs of many rows multiply (<see cref="DecoderModel.PromptType"/>).</param>
    /// <param name="path">How codes are looked up.</param>
    public CpuBatchKernels(AttentionShape shape, int widest, ScalarType gemmType, VectorPath path)
    {
        (_shape, _path) = (shape, path);
        _room = new CpuBatchRoom<T>(widest, gemmType);
    }

    public int DecodingRows(int sequences) => sequences;

    public IBatchLinear Linear(IReadOnlyList<Projection> projections, bool isGated) => projections[0].Weight switch
    {
        FourBitWeight { ElementType: ScalarType.Float32 } => FourBit<FloatElement>(projections, isGated),
        FourBitWeight { ElementType: ScalarType.BFloat16 } => FourBit<BFloat16Element>(projections, isGated),
        FourBitWeight => FourBit<HalfRounding>(projections, isGated),
        _ => Linear(projections, isGated, weight => new DenseRows<T>((DenseWeight)weight)),
    };

    public void NormaliseHeads(Matrix qkv, HeadNorms norms, float epsilon)
    {
        if (norms.Query.dtype == ScalarType.Float32)
            NormaliseHeads<FloatElement>(qkv, norms, epsilon);
        else
            NormaliseHeads<T>(qkv, norms, epsilon);
    }

    public void RotateAndAppend(Matrix qkv, BatchLayer layer, BatchState state)
    {
        var (cosine, sine) = layer.Rotation is { } tables
            ? (new Rows<T>(tables.Cosine), new Rows<T>(tables.Sine)) : (default, default);
        var (places, shape) = (new BlockPlaces<T>(layer.Cache, layer.Shape, state), layer.Shape);
        WorkerTeam.Run(
            new RotateAndAppendToBlocksWork<T>(new(qkv), cosine, sine, places),
            qkv.Rows * (shape.Heads + 2 * shape.KeyValueHeads), shape.HeadSize);
    }

    public void Attend(Matrix qkv, BatchLayer layer, BatchState state, Matrix attended)
    {
        _tiles.Clear();
        var most = Math.Max(1, BlockAttentionWork<T>.Queries * _shape.KeyValueHeads / _shape.Heads);
        var starts = TensorMemory.Span<long>(state.Starts);
        for (var i = 0; i < state.Sequences; i++)
            for (int row = (int)starts[i], end = (int)starts[i + 1]; row < end; row += most)
                _tiles.Add(new RowTile(row, Math.Min(most, end - row)));
        var places = new BlockPlaces<T>(layer.Cache, layer.Shape, state);
        fixed (RowTile* tiles = CollectionsMarshal.AsSpan(_tiles))
            WorkerTeam.Run(
                new BlockAttentionWork<T>(tiles, new(qkv), places, new(attended)),
                _tiles.Count * _shape.KeyValueHeads, (long)_shape.HeadSize * PagedCache.BlockTokens);
    }

    public void MostLikely(Matrix logits, Tensor chosen) => WorkerTeam.Run(
        new MostLikelyWork(new(logits), (long*)TensorMemory.Pointer(chosen)), logits.Rows, logits.Columns);

    public void Run(Action queue, StepShape shape) => queue();

    public void Dispose() => _room.Dispose();

    private void NormaliseHeads<TWeight>(Matrix qkv, HeadNorms norms, float epsilon)
        where TWeight : unmanaged, IElement<TWeight>
    {
        var groups = new NormGroups<TWeight>(
            (TWeight*)TensorMemory.Pointer(norms.Query), (TWeight*)TensorMemory.Pointer(norms.Key), _shape.QueryWidth,
            _shape.RotatedWidth, (int)norms.Query.shape[0], (int)norms.Key.shape[0]);
        WorkerTeam.Run(
            new NormaliseHeadsWork<T, TWeight>(groups, new(qkv), epsilon), qkv.Rows, _shape.RotatedWidth);
    }

    private IBatchLinear FourBit<TElement>(IReadOnlyList<Projection> projections, bool isGated)
        where TElement : struct, IRounding
    {
        if (!FourBitRows<PortableCodes, TElement>.Fit((FourBitWeight)projections[0].Weight))
            return Linear(projections, isGated, weight => new ScatteredRows<TElement>((FourBitWeight)weight));
        if (typeof(T) == typeof(BFloat16Element) && _path == VectorPath.Avx512)
            return Linear(projections, isGated, weight => new WordRows((FourBitWeight)weight));
        if (typeof(T) == typeof(BFloat16Element) && _path == VectorPath.Avx2)
            return Linear(projections, isGated, weight => new FixedPointRows((FourBitWeight)weight));
        return _path switch
        {
            VectorPath.Avx512 => FourBit<Avx512Codes, TElement>(projections, isGated),
            VectorPath.Avx2 => FourBit<Avx2Codes, TElement>(projections, isGated),
            _ => FourBit<PortableCodes, TElement>(projections, isGated),
        };
    }

    private IBatchLinear FourBit<TCodes, TElement>(IReadOnlyList<Projection> projections, bool isGated)
        where TCodes : struct, ICodeRows
        where TElement : struct, IRounding =>
        Linear(projections, isGated, weight => new FourBitRows<TCodes, TElement>((FourBitWeight)weight));

    private CpuBatchLinear<T, TRows> Linear<TRows>(
        IReadOnlyList<Projection> projections, bool isGated, Func<FrozenWeight, TRows> rowsOf)
        where TRows : unmanaged, IWeightRows => new(projections, isGated, rowsOf, _room);
}
