using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Passes.Cpu;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>
/// Decoding on a CPU in vectorized C#, float32 inside, on the threads of libtorch: what a step costs is reading the
/// weights from memory as they are stored, once.
/// </summary>
/// <typeparam name="T">The compute type.</typeparam>
internal sealed unsafe class CpuDecodingKernels<T> : IDecodingKernels where T : unmanaged, IElement<T>
{
    private readonly AttentionShape _shape;
    private readonly VectorPath _path;
    private readonly Matrix _input; // float32 [rows, in]: the input of the current GEMV
    private readonly int _rows;

    /// <summary>Kernels for a batch.</summary>
    /// <param name="shape">The model's attention.</param>
    /// <param name="rows">Rows of the batch.</param>
    /// <param name="widest">Columns of the widest weight.</param>
    /// <param name="path">How codes are looked up.</param>
    public CpuDecodingKernels(AttentionShape shape, int rows, int widest, VectorPath path)
    {
        (_shape, _rows, _path) = (shape, rows, path);
        long padded = Padded(rows, ArrangedVectors.Together), pitch = ArrangedVectors.PitchOf(widest);
        _input = new Matrix(zeros([padded, pitch], ScalarType.Float32, CPU));
    }

    public IDecodingLinear Linear(IReadOnlyList<Projection> projections, bool isGated) => projections[0].Weight switch
    {
        FourBitWeight { ElementType: ScalarType.Float32 } => FourBit<FloatElement>(projections, isGated),
        FourBitWeight { ElementType: ScalarType.BFloat16 } => FourBit<BFloat16Element>(projections, isGated),
        FourBitWeight => FourBit<HalfRounding>(projections, isGated),
        _ => Linear(projections, isGated, weight => new DenseRows<T>((DenseWeight)weight)),
    };

    public void RotateAndAppend(Matrix qkv, RotaryTables rotation, CachedLayer cache, DecodingState state) =>
        WorkerTeam.Run(
        new RotateAndAppendWork<T>(new(qkv), new(rotation.Cosine), new(rotation.Sine), new(cache, _shape, state)),
        _rows * (_shape.Heads + 2 * _shape.KeyValueHeads), _shape.HeadSize);

    public void Attend(Matrix qkv, CachedLayer cache, DecodingState state, Matrix attended)
    {
        var places = new CachePlaces<T>(cache, _shape, state);
        WorkerTeam.Run(
            new CachedAttentionWork<T>(new(qkv), places, new(attended)), _rows * _shape.Heads,
            (long)_shape.HeadSize * places.Slot);
    }

    public void MostLikely(Matrix logits, Tensor chosen) => WorkerTeam.Run(
        new MostLikelyWork(new(logits), (long*)TensorMemory.Pointer(chosen)), logits.Rows, logits.Columns);

    public void Run(Action queue, int length) => queue();

    public void Dispose() => _input.Dispose();

    private IDecodingLinear FourBit<TElement>(IReadOnlyList<Projection> projections, bool isGated)
        where TElement : struct, IRounding
    {
        if (!FourBitRows<PortableCodes, TElement>.Fit((FourBitWeight)projections[0].Weight))
            return Linear(projections, isGated, weight => new ScatteredRows<TElement>((FourBitWeight)weight));
        if (typeof(T) == typeof(BFloat16Element) && _path != VectorPath.Portable)
            return Linear(projections, isGated, weight => new FixedPointRows((FourBitWeight)weight));
        return _path switch
        {
            VectorPath.Avx512 => FourBit<Avx512Codes, TElement>(projections, isGated),
            VectorPath.Avx2 => FourBit<Avx2Codes, TElement>(projections, isGated),
            _ => FourBit<PortableCodes, TElement>(projections, isGated),
        };
    }

    private IDecodingLinear FourBit<TCodes, TElement>(IReadOnlyList<Projection> projections, bool isGated)
        where TCodes : struct, ICodeRows
        where TElement : struct, IRounding =>
        Linear(projections, isGated, weight => new FourBitRows<TCodes, TElement>((FourBitWeight)weight));

    private CpuDecodingLinear<T, TRows> Linear<TRows>(
        IReadOnlyList<Projection> projections, bool isGated, Func<FrozenWeight, TRows> rowsOf)
        where TRows : unmanaged, IWeightRows => new(projections, isGated, rowsOf, _input, _rows);

    private static int Padded(int count, int multiple) => (count + multiple - 1) / multiple * multiple;
}
