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
