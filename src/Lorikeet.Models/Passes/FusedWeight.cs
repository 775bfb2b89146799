// The frozen weights of projections that share an input, one below the other, augmented by their factors:
//
//     | W  B |    W [out, in], A [rank, in], B [out, rank]
//     | A    |
//
// [X | U] times [W | B] adds the adapter to Y in the same GEMM, and [dY | G] times [W over A] adds it to dX. A or B
// beside W lengthens the GEMM a little and saves reading and writing the result once more, so B is there when the
// result is wider than the input, and A when it is narrower. Where weights are not augmented the three are matrices of
// their own.
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Native;
using Lorikeet.Models.Quantization;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>Weights and factors of fused projections, in the compute type.</summary>
internal abstract class FusedWeight(FusedShape shape) : IDisposable
{
    private FrozenWeight[] _views = []; // of what the optimizer moves
    private bool _isHeld;
    private Scratch? _scratch;

    /// <summary>Output features.</summary>
    public int Rows => shape.Rows;

    /// <summary>Input features.</summary>
    public int Columns => shape.Columns;

    /// <summary>
    /// The sum of the ranks, rounded up where weights are augmented; what is beyond the ranks is zero.
    /// </summary>
    public int Rank => shape.Rank;

    /// <summary><see cref="Rank"/> when B lies beside W, else 0.</summary>
    public int ColumnsOfB => shape.ColumnsOfB;

    /// <summary><see cref="Rank"/> when A lies below W, else 0.</summary>
    public int RowsOfA => shape.RowsOfA;

    /// <summary>The rows that are in memory at once: all of them, unless memory is scarce.</summary>
    public abstract IReadOnlyList<WeightBlock> Blocks { get; }

    /// <summary>A of all its adapters below each other, [rank, in].</summary>
    public abstract Matrix A { get; }

    /// <summary>
    /// The factors that must be in their places when a pass begins; others are loaded with their block.
    /// </summary>
    public abstract IEnumerable<FactorBlock> Factors { get; }

    /// <summary>Bytes that it keeps beside the weights of the model: factors, and what aligns rows.</summary>
    public abstract long CopyBytes { get; }

    /// <summary>Whether weights are written into memory that all layers share.</summary>
    public virtual bool IsShared => false;

    /// <summary>
    /// Has a block's B in its place and, with the first block, A; valid until another weight loads its own.
    /// </summary>
    public void LoadFactors(WeightBlock block)
    {
        if (!_isHeld)
            LoadOrIgnore(block);
    }

    /// <summary>Has a block's weights in their place, valid until another block is materialized.</summary>
    public void Materialize(WeightBlock block)
    {
        if (!_isHeld)
            Write(block);
    }

    /// <summary>Columns of the widest matrix that its products quantize; 0 where they quantize none.</summary>
    public virtual int CodeColumns => 0;

    /// <summary>Says what <see cref="Multiply"/> reads next, before it is written.</summary>
    public virtual void ExpectInput(Matrix x)
    {
    }

    /// <summary>Says what <see cref="MultiplyTransposed"/> reads next, before it is written.</summary>
    public virtual void ExpectGradient(Matrix dy)
    {
    }

    /// <summary>
    /// Whether its products add to what the factors' have written, which is less to read and write than the other way.
    /// </summary>
    public virtual bool AddsToFactors => false;

    /// <summary>y = x Wᵀ for the rows of a block, or y += x Wᵀ.</summary>
    public virtual void Multiply(Matrix x, WeightBlock block, Matrix y, bool adds)
    {
        if (adds)
            Aten.AddProduct(y.Tensor, x.Tensor, block.Weight.Transposed);
        else
            Aten.Multiply(y.Tensor, x.Tensor, block.Weight.Transposed);
    }

    /// <summary>dx = dy W for the rows of a block, or dx += dy W.</summary>
    public virtual void MultiplyTransposed(Matrix dy, WeightBlock block, Matrix dx, bool adds)
    {
        if (adds)
            Aten.AddProduct(dx.Tensor, dy.Tensor, block.Weight.Tensor);
        else
            Aten.Multiply(dx.Tensor, dy.Tensor, block.Weight.Tensor);
    }

    /// <summary>Has all in its place for many uses in a row, if it is one block.</summary>
    public void Hold()
    {
        if (Blocks.Count > 1)
            return;
        LoadOrIgnore(Blocks[0]);
        Write(Blocks[0]);
        _isHeld = true;
    }

    /// <summary>Ends <see cref="Hold"/>: others use the memory.</summary>
    public void Release() => _isHeld = false;

    /// <summary>B stays zero until the next pass loads it again.</summary>
    private void LoadOrIgnore(WeightBlock block)
    {
        Load(block);
        if (Rank > 0 && _scratch is { IgnoresAdapters: true })
            block.B.Tensor.Clear();
    }

    /// <summary>Puts a block's factors where they belong.</summary>
    protected abstract void Load(WeightBlock block);

    /// <summary>Puts a block's weights where they belong.</summary>
    protected abstract void Write(WeightBlock block);

    /// <summary>A matrix of zeros for factors that lie outside the weights.</summary>
    protected static Matrix Zeros(int rows, int columns, Scratch scratch) =>
        new(zeros([Math.Max(1, rows), Math.Max(1, columns)], scratch.ElementType, scratch.Device));

    public virtual void Dispose()
    {
        foreach (var view in _views)
            view.Dispose();
    }

    /// <summary>
    /// Dense weights of the compute type move into one matrix, unless some are trained, and so do those in FP8; others
    /// are decompressed at each use.
    /// </summary>
    /// <param name="projections">What is fused.</param>
    /// <param name="adapters">Their adapters.</param>
    /// <param name="scratch">Type, device, and room for what is decompressed.</param>
    /// <param name="kernels">What loads factors.</param>
    /// <param name="augments">Whether they are augmented by their factors.</param>
    public static FusedWeight Of(
        IReadOnlyList<Projection> projections, IReadOnlyList<AdapterBlock> adapters, Scratch scratch,
        IDecoderKernels kernels, bool augments)
    {
        FrozenWeight[] views =
            [.. projections.Select(projection => projection.TrainedWeight).OfType<Tensor>().Select(ViewOf)];
        var next = 0;
        FrozenWeight[] parts =
            [.. projections.Select(projection => projection.TrainedWeight is null ? projection.Weight : views[next++])];
        FusedWeight weight;
        if (parts.All(part => part is Float8Weight))
            weight = new Float8FusedWeight(
                FusedShape.Of(projections, augments), [.. parts.Cast<Float8Weight>()], adapters, scratch);
        else if (parts.Any(part => part is not DenseWeight dense || dense.Value.dtype != scratch.ElementType))
            weight = new CompressedFusedWeight(FusedShape.Of(projections, augments), parts, adapters, scratch, kernels);
        else if (views.Length > 0)
            weight = new SeparateWeight(
                FusedShape.Of(projections, augments: false), [.. parts.Cast<DenseWeight>()], adapters, scratch);
        else
            weight = new DenseFusedWeight(
                FusedShape.Of(projections, augments), [.. parts.Cast<DenseWeight>()], adapters, scratch);
        (weight._views, weight._scratch) = (views, scratch);
        return weight;
    }

    private static FrozenWeight ViewOf(Tensor trained) => new DenseWeight(trained.detach().DetachFromDisposeScope());
}

/// <summary>Some rows of fused weights, whole projections.</summary>
/// <param name="Start">The first row among all.</param>
/// <param name="Weight">[rows, in].</param>
/// <param name="B">[rows, rank].</param>
/// <param name="Whole">The weight with its factors: [rows, in + columns of B] or [rows + rows of A, in].</param>
internal sealed record WeightBlock(int Start, Matrix Weight, Matrix B, Matrix Whole)
{
    public int Rows => Weight.Rows;
}
