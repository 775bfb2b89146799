using Lorikeet.Models.Decoder;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Decoding;

/// <summary>
/// What a token per row needs besides norms, on one kind of device. Where a row stands is read from memory of the
/// device, so that the same queue of work serves every position.
/// </summary>
internal interface IDecodingKernels : IDisposable
{
    /// <summary>Projections that share their input, as one fused GEMV; the caller disposes it.</summary>
    /// <param name="projections">One to three, stored alike.</param>
    /// <param name="isGated">Whether they are gate and up, and the result is silu(gate) ⊙ up.</param>
    IDecodingLinear Linear(IReadOnlyList<Projection> projections, bool isGated = false);

    /// <summary>Rotates queries in place; rotated keys, and values, go into the cache.</summary>
    /// <param name="qkv">[rows, (heads + 2 · keyValueHeads) · headSize].</param>
    /// <param name="rotation">Tables of all positions.</param>
    /// <param name="cache">The layer's.</param>
    /// <param name="state">Where each row stands.</param>
    void RotateAndAppend(Matrix qkv, RotaryTables rotation, CachedLayer cache, DecodingState state);

    /// <summary>Attends to the cache, the new token included.</summary>
    /// <param name="qkv">Its queries are read.</param>
    /// <param name="cache">The layer's.</param>
    /// <param name="state">Where each row stands.</param>
    /// <param name="attended">[rows, heads · headSize].</param>
    void Attend(Matrix qkv, CachedLayer cache, DecodingState state, Matrix attended);

    /// <summary>The first of the largest logits of each row; -1 where it is not finite.</summary>
    /// <param name="logits">float32 [rows, vocabulary].</param>
    /// <param name="chosen">int64 [rows].</param>
    void MostLikely(Matrix logits, Tensor chosen);

    /// <summary>Runs a step's work, or what an earlier call recorded of it.</summary>
    /// <param name="queue">Queues the same work at every call.</param>
    /// <param name="length">Slots of the cache in use.</param>
    void Run(Action queue, int length);
}

/// <summary>y = x Wᵀ + bias + adapters, of projections that share x.</summary>
internal interface IDecodingLinear : IDisposable
{
    /// <summary>The adapters' factors, and where they are expected in the compute type.</summary>
    IEnumerable<FactorBlock> Factors { get; }

    /// <summary>Computes y = W x + b + s · B A x.</summary>
    /// <param name="x">[rows, in].</param>
    /// <param name="y">[rows, out], in the compute type or float32.</param>
    void Run(Matrix x, Matrix y);
}

/// <summary>Cosines and sines of all positions, [positions, headSize] in the compute type.</summary>
internal sealed record RotaryTables(Matrix Cosine, Matrix Sine) : IDisposable
{
    public void Dispose()
    {
        Cosine.Dispose();
        Sine.Dispose();
    }
}
