namespace Lorikeet.Optimized;

/// <summary>How wide the buffers of a model's layers are; ranks and borders are those of the widest layer.</summary>
internal sealed class LayerWidths
{
    /// <summary>Residual stream.</summary>
    public required int Hidden { get; init; }

    /// <summary>Queries, keys and values.</summary>
    public required int Qkv { get; init; }

    /// <summary>What attention returns.</summary>
    public required int Attended { get; init; }

    /// <summary>Feed-forward; gate and up are each as wide.</summary>
    public required int Inner { get; init; }

    public required int QkvRank { get; init; }

    public required int OutputRank { get; init; }

    public required int GateUpRank { get; init; }

    public required int DownRank { get; init; }

    public required int QkvBorder { get; init; }

    public required int OutputBorder { get; init; }

    public required int GateUpBorder { get; init; }

    public required int DownBorder { get; init; }

    /// <summary>Whether queries, keys and values have room where gate and up were.</summary>
    public bool QkvFitsGateUp => Qkv + QkvBorder <= 2 * Inner;

    public static LayerWidths Of(IReadOnlyList<FusedLayer> layers) => new()
    {
        Hidden = layers[0].Hidden,
        Qkv = layers[0].Qkv.Rows,
        Attended = layers[0].Output.Columns,
        Inner = layers[0].Down.Columns,
        QkvRank = layers.Max(layer => layer.Qkv.Rank),
        OutputRank = layers.Max(layer => layer.Output.Rank),
        GateUpRank = layers.Max(layer => layer.GateUp.Rank),
        DownRank = layers.Max(layer => layer.Down.Rank),
        QkvBorder = layers.Max(layer => layer.Qkv.Border),
        OutputBorder = layers.Max(layer => layer.Output.Border),
        GateUpBorder = layers.Max(layer => layer.GateUp.Border),
        DownBorder = layers.Max(layer => layer.Down.Border),
    };
}
