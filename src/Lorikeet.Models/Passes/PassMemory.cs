using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>
/// What the buffers of a pass take, counted by making them on libtorch's device <c>meta</c>, where a tensor has a shape
/// and no memory: what automatic checkpointing and plans go by.
/// </summary>
/// <param name="widths">Widths of its buffers.</param>
/// <param name="layers">The model's layers.</param>
/// <param name="type">Compute type.</param>
/// <param name="attention">What attention takes for a batch.</param>
/// <param name="onCuda">Whether the pass runs on a CUDA device.</param>
/// <param name="slice">Rows of a slice of the feed-forward.</param>
internal sealed class PassMemory(
    LayerWidths widths, int layers, ScalarType type, Func<BatchShape, AttentionBytes> attention, bool onCuda, int slice)
{
    // Buffers that libraries keep for themselves, and what is lost between allocations.
    private const long LibrarySpace = 192L << 20;
    private const double LostShare = 0.03;

    /// <summary>The buffers of a pass over so many tokens, without memory; the caller disposes them.</summary>
    /// <param name="tokens">Tokens of the largest batch.</param>
    /// <param name="keptFrom">The first layer that keeps what its backward pass needs.</param>
    /// <param name="offloads">Whether the inputs of recomputed layers wait on the host.</param>
    public PassBuffers Outline(int tokens, int keptFrom, bool offloads)
    {
        using var memory = new BufferMemory(type, META, tokens);
        return new PassBuffers(widths, layers, tokens, keptFrom, memory, offloads, SliceFor(tokens, keptFrom));
    }

    /// <summary>Rows of the feed-forward that exist at once (<see cref="FeedForwardSlice.For"/>).</summary>
    public int SliceFor(int tokens, int keptFrom) => FeedForwardSlice.For(widths, layers, keptFrom, tokens, slice);

    /// <summary>Bytes of the buffers.</summary>
    public long Buffers(int tokens, int keptFrom, bool offloads)
    {
        using var buffers = Outline(tokens, keptFrom, offloads);
        return buffers.KeptBytes + buffers.RecomputedBytes + buffers.SharedBytes;
    }

    /// <summary>
    /// Bytes of what attention returns: outputs and sums that wait for the backward pass, then its gradients.
    /// </summary>
    public long Attention(BatchShape batch, int keptFrom)
    {
        var (output, backward) = attention(batch);
        // Layers that are recomputed have one at a time
        return (layers - keptFrom + (keptFrom > 0 ? 1 : 0)) * output + backward;
    }

    /// <summary>
    /// The lowest layer from which on all fit into so many free bytes; the number of layers where not even one does.
    /// </summary>
    /// <param name="batch">The largest batch; how it is divided may change.</param>
    /// <param name="firstTrained">The first trained layer; those below it have no backward pass.</param>
    /// <param name="free">Bytes.</param>
    /// <param name="offloads">Whether the inputs of recomputed layers wait on the host.</param>
    public int KeptFrom(BatchShape batch, int firstTrained, long free, bool offloads)
    {
        var usable = (long)(free * (1 - LostShare)) - (onCuda ? LibrarySpace : 0);
        // Another of as many tokens may have rows of different lengths
        var worst = batch with { Rows = batch.Rows + 1 };
        bool Fits(int keptFrom) => Buffers(batch.Tokens, keptFrom, offloads) + Attention(worst, keptFrom) <= usable;

        // The fewer layers keep what they need, the less it is.
        var (low, high) = (firstTrained, layers);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (Fits(middle))
                high = middle;
            else
                low = middle + 1;
        }

        return low;
    }
}
