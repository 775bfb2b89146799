namespace Lorikeet.Models.Passes;

/// <summary>How wide the buffers of a model's layers are; ranks are those of the widest layer.</summary>
internal sealed record LayerWidths
{
    /// <summary>Width of the residual stream: the hidden size.</summary>
    public required int Hidden { get; init; }

    /// <summary>Queries, keys and values.</summary>
    public required int Qkv { get; init; }

    /// <summary>Queries and keys once more, where they are normalised before they are rotated; else 0.</summary>
    public required int RotatedHeads { get; init; }

    /// <summary>Width of what attention returns: heads · headSize.</summary>
    public required int Attended { get; init; }

    /// <summary>Feed-forward; gate and up are each as wide.</summary>
    public required int Inner { get; init; }

    /// <summary>Width of G, the gradient of U (FactoredLinear.cs).</summary>
    public required PerProjection<int> Ranks { get; init; }

    /// <summary>Width of what each GEMM keeps for its backward pass: U, and perhaps more.</summary>
    public required PerProjection<int> Kept { get; init; }

    /// <summary>
    /// Whether layers that are recomputed compute what down keeps as well: it is too wide to wait in every layer.
    /// </summary>
    public required bool RecomputesDown { get; init; }

    /// <summary>Room for U at the end of what is normalised.</summary>
    public required int NormOutputExtra { get; init; }

    /// <summary>Room for U at the end of the activation.</summary>
    public required int ActivationExtra { get; init; }

    /// <summary>Room for G at the end of the gradient of the residual stream.</summary>
    public required int GradientExtra { get; init; }

    /// <summary>Room for G at the end of the gradient of what a block returns, where it is another; else 0.</summary>
    public required int BlockOutputExtra { get; init; }

    /// <summary>Whether what attention and feed-forward return is kept for the backward pass.</summary>
    public required bool KeepsBlockOutputs { get; init; }

    /// <summary>
    /// Whether the feed-forward may be computed some rows after others: nothing in it is arranged for all of them.
    /// </summary>
    public required bool FeedForwardDivides { get; init; }

    /// <summary>Whether queries, keys and values have room where gate and up were.</summary>
    public bool QkvFitsGateUp => Qkv <= 2 * Inner;

    /// <summary>Whether rotated heads have room where the activation will be.</summary>
    public bool RotatedFitsActivation => RotatedHeads <= Inner;

    public static LayerWidths Of(IReadOnlyList<FusedLayer> layers)
    {
        int Widest(Func<PerProjection<FusedLinear>, int> width) => layers.Max(layer => width(layer.Linears));
        PerProjection<int> Each(Func<FusedLinear, int> width) => new(
            Widest(each => width(each.Qkv)), Widest(each => width(each.Output)),
            Widest(each => width(each.GateUp)), Widest(each => width(each.Down)));
        var first = layers[0].Linears;
        var gradientExtra = Widest(each => Math.Max(each.Down.LoraOutputColumns, each.Output.LoraOutputColumns));
        return new LayerWidths
        {
            Hidden = first.Qkv.Columns,
            Qkv = first.Qkv.Rows,
            RotatedHeads = layers.Any(layer => layer.NormalisesHeads)
                ? (first.Qkv.Rows + first.Output.Columns) / 2 // of q + k + v and q, k as wide as v
                : 0,
            Attended = first.Output.Columns,
            Inner = Widest(each => each.Down.Columns),
            Ranks = Each(linear => linear.Rank),
            Kept = Each(linear => linear.KeptColumns),
            RecomputesDown = layers.Any(layer => layer.Linears.Down.KeepsOutput),
            NormOutputExtra = Widest(each => Math.Max(each.Qkv.LoraInputColumns, each.GateUp.LoraInputColumns)),
            ActivationExtra = Widest(each => each.Down.LoraInputColumns),
            GradientExtra = gradientExtra,
            BlockOutputExtra = layers.Any(layer => layer.ChangesGradient) ? gradientExtra : 0,
            KeepsBlockOutputs = layers.Any(layer => layer.KeepsBlockOutputs),
            FeedForwardDivides = layers.All(layer => layer.FeedForwardDivides),
        };
    }
}
