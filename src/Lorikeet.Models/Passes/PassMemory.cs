using Lorikeet.Models.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>How many bytes a pass takes beside the model: what automatic checkpointing and plans count with.</summary>
/// <param name="widths">Widths of its buffers.</param>
/// <param name="layers">The model's layers.</param>
/// <param name="type">Compute type.</param>
/// <param name="device">Where it runs.</param>
internal sealed class PassMemory(LayerWidths widths, int layers, ScalarType type, Device device)
{
    // Buffers that libraries keep for themselves, and what is lost between allocations.
    private const long LibrarySpace = 192L << 20;
    private const double LostShare = 0.03;

    private readonly int _element = NativeTypes.SizeOf(type);
    private readonly bool _onCuda = device.type == DeviceType.CUDA;

    /// <summary>Bytes of the buffers of a pass (<see cref="PassBuffers"/>).</summary>
    /// <param name="tokens">Tokens of the largest batch.</param>
    /// <param name="keptFrom">The first layer that keeps what its backward pass needs.</param>
    /// <param name="offloads">Whether the inputs of recomputed layers wait on the host.</param>
    public long Buffers(int tokens, int keptFrom, bool offloads = false) =>
        Activations(tokens, keptFrom, offloads) + OneLayer(tokens, keptFrom) + Shared(tokens);

    /// <summary>Of these, the input of every layer and all that those which are not recomputed keep.</summary>
    public long Activations(int tokens, int keptFrom, bool offloads = false)
    {
        var absent = offloads ? Math.Max(0, keptFrom - 1 - PassBuffers.MostSlots) : 0;
        var inputs = (long)(layers - absent) * widths.Hidden;
        return (inputs + layers * (long)widths.DownRank + (layers - keptFrom) * widths.Kept) * tokens * _element;
    }

    /// <summary>Of these, what the layers that are recomputed use one after the other.</summary>
    public long OneLayer(int tokens, int keptFrom) => keptFrom > 0 ? widths.Kept * tokens * _element : 0;

    /// <summary>Of these, what all layers use one after the other.</summary>
    public long Shared(int tokens) => widths.Shared * tokens * _element;

    /// <summary>Bytes of the inputs that wait on the host.</summary>
    public long OnHost(int tokens, int keptFrom) => (long)Math.Max(0, keptFrom - 1) * widths.Hidden * tokens * _element;

    /// <summary>Bytes of what attention returns: outputs and sums that wait for the backward pass, then its gradients.</summary>
    public long Attention(int tokens, int keptFrom)
    {
        var output = (long)tokens * (widths.Attended * _element + widths.Heads * sizeof(float));
        // One segment's gradients exist at once, and flash attention, which takes segments of different lengths, has those of
        // all: how a batch is divided is not known here, so the whole of it is counted.
        var gradients = _onCuda ? (long)tokens * (widths.Qkv * _element + widths.Attended * sizeof(float)) : 0;
        return Kept(keptFrom) * output + gradients;
    }

    /// <summary>The lowest layer from which on all fit into so many free bytes; the number of layers where not even one does.</summary>
    /// <param name="tokens">Tokens of the largest batch.</param>
    /// <param name="firstTrained">The first layer with an adapter; those below it have no backward pass.</param>
    /// <param name="free">Bytes.</param>
    /// <param name="offloads">Whether the inputs of recomputed layers wait on the host.</param>
    public int KeptFrom(int tokens, int firstTrained, long free, bool offloads = false)
    {
        var usable = (long)(free * (1 - LostShare)) - (_onCuda ? LibrarySpace : 0);
        for (var first = firstTrained; first < layers; first++)
            if (Buffers(tokens, first, offloads) + Attention(tokens, first) <= usable)
                return first;
        return layers;
    }

    /// <summary>Layers whose activations exist at once: those kept, and one for all that are recomputed.</summary>
    private long Kept(int keptFrom) => layers - keptFrom + (keptFrom > 0 ? 1 : 0);
}
