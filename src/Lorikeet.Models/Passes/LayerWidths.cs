using Lorikeet.Models.Decoder;

namespace Lorikeet.Models.Passes;

/// <summary>How wide the buffers of a model's layers are; ranks and borders are those of the widest.</summary>
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

    /// <summary>Room for U in what is normalised.</summary>
    public required int NormalisedBorder { get; init; }

    /// <summary>Room for U in the activation.</summary>
    public required int ActivationBorder { get; init; }

    /// <summary>Room for G in the gradient of the residual stream.</summary>
    public required int GradientBorder { get; init; }

    /// <summary>Query heads.</summary>
    public required int Heads { get; init; }

    /// <summary>
    /// Elements a token of what only a layer that is not recomputed keeps (<see cref="LayerBuffers"/>); its input, the
    /// narrow input of the last projection, and attention's output are not included.
    /// </summary>
    public long Kept => Hidden + Qkv + 2L * Inner + (QkvFitsGateUp ? 0 : Qkv) + QkvRank + OutputRank + GateUpRank;

    /// <summary>Elements a token of what all layers share (<see cref="PassBuffers"/>).</summary>
    public long Shared =>
        (long)Matrix.PitchOf(Hidden, NormalisedBorder) + Matrix.PitchOf(Hidden, GradientBorder)
        + Matrix.PitchOf(Inner, ActivationBorder) + 2L * Hidden + (Attended == Hidden ? 0 : Attended)
        + QkvRank + OutputRank + GateUpRank + DownRank;

    /// <summary>Whether queries, keys and values have room where gate and up were.</summary>
    public bool QkvFitsGateUp => Qkv <= 2 * Inner;

    /// <summary>The same of a model whose layers are not fused yet.</summary>
    /// <param name="model">Its adapters attached.</param>
    /// <param name="borders">Whether weights will be bordered by their factors.</param>
    public static LayerWidths Of(DecoderModel model, bool borders)
    {
        FusedShape[][] layers = [.. model.Layers.Select(layer => FusedShape.Of(layer, borders).ToArray())];
        int Most(Func<FusedShape[], int> width) => layers.Max(width);
        var first = layers[0];
        return new LayerWidths
        {
            Hidden = first[0].Columns,
            Heads = model.Config.HeadCount,
            Qkv = first[0].Rows,
            Attended = first[1].Columns,
            Inner = first[3].Columns,
            QkvRank = Most(layer => layer[0].Rank),
            OutputRank = Most(layer => layer[1].Rank),
            GateUpRank = Most(layer => layer[2].Rank),
            DownRank = Most(layer => layer[3].Rank),
            NormalisedBorder = Most(layer => Math.Max(layer[0].Right, layer[2].Right)),
            ActivationBorder = Most(layer => layer[3].Right),
            GradientBorder = Most(layer => Math.Max(layer[3].Below, layer[1].Below)),
        };
    }

    public static LayerWidths Of(IReadOnlyList<FusedLayer> layers) => new()
    {
        Hidden = layers[0].Hidden,
        Heads = layers[0].Heads,
        Qkv = layers[0].Qkv.Rows,
        Attended = layers[0].Output.Columns,
        Inner = layers[0].Down.Columns,
        QkvRank = layers.Max(layer => layer.Qkv.Rank),
        OutputRank = layers.Max(layer => layer.Output.Rank),
        GateUpRank = layers.Max(layer => layer.GateUp.Rank),
        DownRank = layers.Max(layer => layer.Down.Rank),
        NormalisedBorder = layers.Max(layer => Math.Max(layer.Qkv.InputBorder, layer.GateUp.InputBorder)),
        ActivationBorder = layers.Max(layer => layer.Down.InputBorder),
        GradientBorder = layers.Max(layer => Math.Max(layer.Down.OutputBorder, layer.Output.OutputBorder)),
    };
}
