using Lorikeet.Models.Decoder;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>What attention must know of a batch: where its segments lie and how each position is rotated.</summary>
internal sealed class Sequences : IDisposable
{
    /// <summary>Prepares a batch.</summary>
    /// <param name="layout">The segments; stays the caller's.</param>
    /// <param name="cosine">[tokens, 1, headSize] in the compute type.</param>
    /// <param name="sine">As large.</param>
    public Sequences(SegmentLayout layout, Tensor cosine, Tensor sine)
    {
        Layout = layout;
        (Cosine, Sine) = (new Matrix(cosine.view(layout.Tokens, -1)), new Matrix(sine.view(layout.Tokens, -1)));
        Starts = tensor(layout.Starts.ToArray(), ScalarType.Int32, cosine.device).DetachFromDisposeScope();
    }

    public SegmentLayout Layout { get; }

    /// <summary>Start of each segment and the end of the last: int32 [segments + 1] on the device.</summary>
    public Tensor Starts { get; }

    /// <summary>[tokens, headSize] in the compute type; both halves are the same.</summary>
    public Matrix Cosine { get; }

    /// <summary>Rotary sines, [tokens, headSize].</summary>
    public Matrix Sine { get; }

    public void Dispose()
    {
        Starts.Dispose();
        Cosine.Dispose();
        Sine.Dispose();
    }
}

/// <summary>The shape of attention in a model.</summary>
/// <param name="Heads">Query heads.</param>
/// <param name="KeyValueHeads">Key and value heads; divides <paramref name="Heads"/>.</param>
/// <param name="HeadSize">Width of a head.</param>
/// <param name="Window">Tokens a position sees, itself included; null for all before it.</param>
internal readonly record struct AttentionShape(int Heads, int KeyValueHeads, int HeadSize, int? Window)
{
    /// <summary>The shape that a model's configuration names.</summary>
    public static AttentionShape Of(ModelConfig config) =>
        new(config.HeadCount, config.KeyValueHeadCount, config.HeadSize, config.SlidingWindow);

    /// <summary>Width of queries, keys and values side by side.</summary>
    public int FusedWidth => (Heads + 2 * KeyValueHeads) * HeadSize;

    /// <summary>Factor on the scores.</summary>
    public float Scale => 1 / MathF.Sqrt(HeadSize);
}
