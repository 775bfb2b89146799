using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Passes;

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

    /// <summary>Width of the queries.</summary>
    public int QueryWidth => Heads * HeadSize;

    /// <summary>Width of queries and keys side by side: what is rotated.</summary>
    public int RotatedWidth => (Heads + KeyValueHeads) * HeadSize;

    /// <summary>Factor on the scores.</summary>
    public float Scale => 1 / MathF.Sqrt(HeadSize);
}
