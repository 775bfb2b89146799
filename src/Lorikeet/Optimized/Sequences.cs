using Lorikeet.Models;
using Lorikeet.Native;
using static TorchSharp.torch;

namespace Lorikeet.Optimized;

/// <summary>What attention must know of a batch: where its segments lie and how each position is rotated.</summary>
/// <param name="Layout">The segments.</param>
/// <param name="Cosine">[tokens, headSize] in the compute type, the first half repeated.</param>
/// <param name="Sine">[tokens, headSize].</param>
internal sealed record Sequences(SegmentLayout Layout, Matrix Cosine, Matrix Sine) : IDisposable
{
    public void Dispose()
    {
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
    /// <summary>Width of queries, keys and values side by side.</summary>
    public int FusedWidth => (Heads + 2 * KeyValueHeads) * HeadSize;

    /// <summary>Factor on the scores.</summary>
    public float Scale => 1 / MathF.Sqrt(HeadSize);
}
