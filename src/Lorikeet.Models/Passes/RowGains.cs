// What DoRA multiplies each output by: g = m / n with n = ‖W + s · BA‖ of its row. The sum is never made:
//
//     n² = ‖W‖² + 2s · Σ (B ⊙ W Aᵀ) + s² · Σ (B ⊙ B (A Aᵀ))        sums over the rank
//
// ‖W‖² does not change, and W Aᵀ is a GEMM of as many columns as the rank, once for each step of the optimizer:
// 2 · rank operations a weight, where a step takes at least 4 · tokens. All of it is float32, whatever W is stored as.
using Lorikeet.Models.Lora.Variants;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>The gains of fused projections, 1 where a projection has no magnitude.</summary>
internal sealed class RowGains : IDisposable
{
    private const int ChunkWeights = 1 << 23; // 32 MB in float32

    private readonly IReadOnlyList<AdapterBlock> _adapters;
    private readonly Scratch _scratch;
    private readonly Tensor _squares; // ‖W‖²
    private readonly HashSet<AdapterBlock> _squared = [];
    private int _version = -1;

    /// <param name="weight">The frozen weights.</param>
    /// <param name="adapters">Their factors, those of <see cref="DoraFactors"/>.</param>
    /// <param name="scratch">Type, device, and room for weights in float32.</param>
    public RowGains(FusedWeight weight, IReadOnlyList<AdapterBlock> adapters, Scratch scratch)
    {
        (_adapters, _scratch) = (adapters, scratch);
        Tensor Vector() => ones([weight.Rows], ScalarType.Float32, scratch.Device).DetachFromDisposeScope();
        (Gain, Excess, InverseNorm, _squares) = (Vector(), Vector(), Vector(), Vector());
        CopyBytes = 4L * weight.Rows * sizeof(float);
        if (scratch.ElementType == ScalarType.Float32)
            return;
        // Twice as many elements of 16 bits are as many of 32.
        var largest = adapters.Max(adapter => (long)adapter.Rows) * weight.Columns;
        scratch.Reserve(ScratchUse.Wide, 2 * Math.Min(largest, Math.Max(weight.Columns, ChunkWeights)));
    }

    /// <summary>g, float32 [out].</summary>
    public Tensor Gain { get; }

    /// <summary>g - 1, float32 [out].</summary>
    public Tensor Excess { get; }

    /// <summary>1 / n, float32 [out].</summary>
    public Tensor InverseNorm { get; }

    /// <summary>Bytes of all of these.</summary>
    public long CopyBytes { get; }

    /// <summary>Brings them up to date with the factors, if those moved.</summary>
    /// <param name="weight">The frozen weights.</param>
    public void Update(FusedWeight weight)
    {
        if (_version == _scratch.ParameterVersion)
            return;
        _version = _scratch.ParameterVersion;
        foreach (var block in weight.Blocks)
        {
            var own = _adapters
                .Where(adapter => adapter.RowStart >= block.Start && adapter.RowStart < block.Start + block.Rows)
                .ToList();
            if (own.Count == 0)
                continue;
            weight.Materialize(block);
            foreach (var adapter in own)
                Update(adapter, block.Weight.RowRange(adapter.RowStart - block.Start, adapter.Rows));
        }
    }

    private void Update(AdapterBlock adapter, Matrix weight)
    {
        using var scope = NewDisposeScope();
        var (a, b, s) = (adapter.A, adapter.B, adapter.Scale);
        var product = empty([adapter.Rows, adapter.Rank], ScalarType.Float32, _scratch.Device); // W Aᵀ
        var squares = Part(_squares, adapter);
        var isNew = _squared.Add(adapter);
        var step = Math.Max(1, ChunkWeights / weight.Columns);
        for (var row = 0; row < weight.Rows; row += step)
        {
            var count = Math.Min(step, weight.Rows - row);
            using var wide = Wide(weight.RowRange(row, count));
            Aten.Multiply(product.narrow(0, row, count), wide, a.t());
            if (isNew)
                squares.narrow(0, row, count).copy_(SquaredNorm(wide));
        }

        var norm = Norm(squares, product, a, b, s);
        var (gain, inverse) = (Part(Gain, adapter), Part(InverseNorm, adapter));
        inverse.copy_(norm.reciprocal());
        gain.copy_(((DoraFactors)adapter.Projection.Adapter!).Magnitude * inverse);
        Part(Excess, adapter).copy_(gain.Plus(-1));
    }

    private static Tensor SquaredNorm(Tensor rows)
    {
        var norm = rows.norm(1); // [rows]
        return norm * norm;
    }

    /// <summary>n of each row.</summary>
    /// <param name="squares">‖W‖², [out].</param>
    /// <param name="product">W Aᵀ, [out, rank].</param>
    /// <param name="a">A, [rank, in].</param>
    /// <param name="b">B, [out, rank].</param>
    /// <param name="scale">s.</param>
    public static Tensor Norm(Tensor squares, Tensor product, Tensor a, Tensor b, double scale)
    {
        var twice = matmul(b, matmul(a, a.t())); // B (A Aᵀ), [out, rank]
        var crossed = squares.Plus((b * product).sum(1), 2 * scale);
        return crossed.Plus((b * twice).sum(1), scale * scale).ClampedFrom(0).sqrt();
    }

    /// <summary>The rows of an adapter, of a vector [out].</summary>
    public static Tensor Part(Tensor vector, AdapterBlock adapter) => vector.narrow(0, adapter.RowStart, adapter.Rows);

    /// <summary>Rows of the weight in float32; the caller disposes the view.</summary>
    private unsafe Tensor Wide(Matrix rows)
    {
        if (rows.ElementType == ScalarType.Float32)
            return rows.Tensor.alias();
        var memory = _scratch.Take(ScratchUse.Wide, 1, 2 * rows.Rows * rows.Columns);
        var wide = TensorMemory.View(
            (nint)memory.Pointer, [rows.Rows, rows.Columns], ScalarType.Float32, _scratch.Device);
        wide.copy_(rows.Tensor);
        return wide;
    }

    public void Dispose()
    {
        Gain.Dispose();
        Excess.Dispose();
        InverseNorm.Dispose();
        _squares.Dispose();
    }
}
