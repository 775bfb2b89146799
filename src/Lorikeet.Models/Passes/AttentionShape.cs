using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Passes;

/// <summary>The shape of attention in a layer.</summary>
/// <param name="Heads">Query heads.</param>
/// <param name="KeyValueHeads">Key and value heads; divides <paramref name="Heads"/>.</param>
/// <param name="HeadSize">Width of a head.</param>
/// <param name="Window">Tokens a position sees, itself included; null for all before it.</param>
internal readonly record struct AttentionShape(int Heads, int KeyValueHeads, int HeadSize, int? Window)
{
    /// <summary>Factor on the scores.</summary>
    public float Scale { get; init; } = 1 / MathF.Sqrt(HeadSize);

    /// <summary>Elements of a head that are rotated by position, its first ones; 0 for none.</summary>
    public int RotarySize { get; init; } = HeadSize;

    /// <summary>c, where scores are c · tanh(score / c) before the softmax; null where they are not.</summary>
    public float? SoftCap { get; init; }

    /// <summary>The shape in one layer of a model.</summary>
    public static AttentionShape Of(ModelConfig config, int layer = 0)
    {
        var settings = config.Layer(layer);
        return new AttentionShape(config.HeadCount, config.KeyValueHeadCount, config.HeadSize, settings.Window)
        {
            Scale = (float)config.AttentionScale,
            RotarySize = settings.Rope is null ? 0 : config.RotarySize,
            SoftCap = (float?)config.AttentionSoftCap,
        };
    }

    /// <summary>Width of queries, keys and values side by side.</summary>
    public int FusedWidth => (Heads + 2 * KeyValueHeads) * HeadSize;

    /// <summary>Width of the queries.</summary>
    public int QueryWidth => Heads * HeadSize;

    /// <summary>Width of queries and keys side by side.</summary>
    public int RotatedWidth => (Heads + KeyValueHeads) * HeadSize;
}
