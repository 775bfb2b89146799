using Lorikeet.Models.Decoder;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes.Decoding;

/// <summary>
/// What a step of many sequences needs besides norms, on one kind of device. Where rows stand is read from the step's
/// <see cref="BatchState"/>, so that the same queue of work serves every step of its shape.
/// </summary>
internal interface IBatchKernels : IDisposable
{
    /// <summary>
    /// Rows that a step of one token for each of so many sequences is padded to, where work is recorded for few
    /// different numbers of them.
    /// </summary>
    int DecodingRows(int sequences);

    /// <summary>Projections that share their input, as one product; the caller disposes it.</summary>
    /// <param name="projections">One to three, stored alike.</param>
    /// <param name="isGated">Whether they are gate and up, and the result is silu(gate) ⊙ up.</param>
    IBatchLinear Linear(IReadOnlyList<Projection> projections, bool isGated = false);

    /// <summary>Normalises queries and keys in place, where a model does before it rotates them.</summary>
    /// <param name="qkv">[rows, (heads + 2 · keyValueHeads) · headSize].</param>
    /// <param name="norms">The layer's norms, over a head or over all heads.</param>
    /// <param name="epsilon">Added to the mean square.</param>
    void NormaliseHeads(Matrix qkv, HeadNorms norms, float epsilon);

    /// <summary>Rotates queries in place; rotated keys, and values, go into the slots of the cache.</summary>
    /// <param name="qkv">[rows, (heads + 2 · keyValueHeads) · headSize].</param>
    /// <param name="layer">The layer.</param>
    /// <param name="state">Where each row stands.</param>
    void RotateAndAppend(Matrix qkv, BatchLayer layer, BatchState state);

    /// <summary>Each row attends to its sequence up to its own position, within the layer's window.</summary>
    /// <param name="qkv">Its queries are read.</param>
    /// <param name="layer">The layer, the rows' own keys and values in its blocks.</param>
    /// <param name="state">Where each row stands.</param>
    /// <param name="attended">[rows, heads · headSize].</param>
    void Attend(Matrix qkv, BatchLayer layer, BatchState state, Matrix attended);

    /// <summary>The first of the largest logits of each row; -1 where it is not finite.</summary>
    /// <param name="logits">float32 [rows, vocabulary].</param>
    /// <param name="chosen">int64 [rows].</param>
    void MostLikely(Matrix logits, Tensor chosen);

    /// <summary>Runs a step's work, or what an earlier call recorded of it for the same shape.</summary>
    /// <param name="queue">Queues the same work at every call of a shape.</param>
    /// <param name="shape">What it depends on.</param>
    void Run(Action queue, StepShape shape);
}

/// <summary>y = x Wᵀ + bias + adapters, of projections that share x.</summary>
internal interface IBatchLinear : IDisposable
{
    /// <summary>
    /// Lets rows be read with an adapter from now on, or no longer; called again when its factors changed in place.
    /// </summary>
    /// <param name="adapter">Its number in <see cref="RowAdapters"/>, below <see cref="BatchAdapters.Most"/>.</param>
    /// <param name="factors">
    /// Its factors on these projections, loaded, which stay the caller's; null for none.
    /// </param>
    void Set(int adapter, DecodingAdapters? factors);

    /// <summary>y = W x + bias + s · B A x, with each row's own A and B.</summary>
    /// <param name="x">[rows, in].</param>
    /// <param name="y">[rows, out], or [rows, inner] when gated; in the compute type or float32.</param>
    /// <param name="adapters">Those of the rows.</param>
    void Run(Matrix x, Matrix y, RowAdapters adapters);
}

/// <summary>What the work of a step depends on beside the state in the device's memory.</summary>
/// <param name="Rows">Rows, padding included.</param>
/// <param name="Logits">Rows of logits, padding included.</param>
/// <param name="Longest">Tokens of the longest sequence after the step.</param>
/// <param name="IsDecoding">
/// Whether every row is the next token of a sequence of its own and its logits are wanted; only then are there rows
/// that are padding.
/// </param>
/// <param name="HasAdapters">Whether any row has an adapter.</param>
/// <param name="Adapter">
/// The number of the adapter that all rows have but those that are padding; null where there is no such.
/// </param>
internal readonly record struct StepShape(
    int Rows, int Logits, int Longest, bool IsDecoding, bool HasAdapters, int? Adapter);

/// <summary>How much a step reads at most.</summary>
/// <param name="Tokens">Tokens of a step.</param>
/// <param name="Sequences">Sequences of a step.</param>
/// <param name="Length">Tokens of a sequence.</param>
internal sealed record BatchLimits(int Tokens, int Sequences, int Length)
{
    /// <summary>Blocks of a sequence.</summary>
    public int Blocks => PagedCache.BlocksOf(Length);
}
