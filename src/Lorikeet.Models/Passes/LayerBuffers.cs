namespace Lorikeet.Models.Passes;

/// <summary>What a layer leaves for its backward pass. Layers that are recomputed share all but their input.</summary>
internal sealed class LayerBuffers : IDisposable
{
    private readonly List<Matrix> _taken = [];
    private readonly Matrix? _view;

    /// <summary>Makes the buffers of a layer for so many tokens.</summary>
    /// <param name="widths">How wide they must be.</param>
    /// <param name="tokens">Rows.</param>
    /// <param name="memory">Where they lie.</param>
    /// <param name="shared">The buffers to share, when the layer is recomputed in the backward pass.</param>
    /// <param name="input">Where its input lies, if not in a place of its own; stays the caller's.</param>
    /// <param name="slice">Rows of gate and up that exist at once.</param>
    public LayerBuffers(
        LayerWidths widths, int tokens, BufferMemory memory, LayerBuffers? shared = null, Matrix? input = null,
        int slice = int.MaxValue)
    {
        Matrix Own(int columns)
        {
            var matrix = memory.Take(tokens, columns);
            _taken.Add(matrix);
            return matrix;
        }

        Matrix? KeptOf(int columns) => columns == 0 ? null : Own(columns);

        Input = input ?? Own(widths.Hidden);
        if (shared is not null)
        {
            (ResidualAfterAttention, Qkv, GateUp) = (shared.ResidualAfterAttention, shared.Qkv, shared.GateUp);
            QkvGradient = shared.QkvGradient;
            (AttentionOutput, FeedForwardOutput) = (shared.AttentionOutput, shared.FeedForwardOutput);
            Kept = widths.RecomputesDown ? shared.Kept : shared.Kept with { Down = KeptOf(widths.Kept.Down) };
            RecomputesDown = widths.RecomputesDown;
            return;
        }

        (ResidualAfterAttention, Qkv) = (Own(widths.Hidden), Own(widths.Qkv));
        GateUp = memory.Take(tokens, 2 * widths.Inner, mostRows: slice);
        _taken.Add(GateUp);
        QkvGradient = widths.QkvFitsGateUp && slice == int.MaxValue
            ? _view = GateUp.Reuse(widths.Qkv)
            : Own(widths.Qkv);
        Kept = widths.Kept.Select(KeptOf);
        if (widths.KeepsBlockOutputs)
            (AttentionOutput, FeedForwardOutput) = (Own(widths.Hidden), Own(widths.Hidden));
    }

    /// <summary>[tokens, hidden]: the residual stream before the layer.</summary>
    public Matrix Input { get; }

    /// <summary>[tokens, hidden]: the residual stream between attention and feed-forward.</summary>
    public Matrix ResidualAfterAttention { get; }

    /// <summary>[tokens, queries + keys + values], rotated unless they are normalised before.</summary>
    public Matrix Qkv { get; }

    /// <summary>[tokens, 2 · inner]; of a slice of the tokens, where they are computed some after others.</summary>
    public Matrix GateUp { get; }

    /// <summary>
    /// [tokens, queries + keys + values]; in the memory of <see cref="GateUp"/>, which the backward pass is done with
    /// by then, where it fits.
    /// </summary>
    public Matrix QkvGradient { get; }

    /// <summary>[tokens, hidden]: Wo o, where its norm's gradient needs it; else null.</summary>
    public Matrix? AttentionOutput { get; }

    /// <summary>[tokens, hidden]: Wd a, where its norm's gradient needs it; else null.</summary>
    public Matrix? FeedForwardOutput { get; }

    /// <summary>
    /// What each GEMM keeps for its backward pass, [tokens, kept columns]: U = X Aᵀ, and perhaps more; null for
    /// nothing.
    /// </summary>
    public PerProjection<Matrix?> Kept { get; }

    /// <summary>Whether what down keeps is no longer there in the backward pass.</summary>
    public bool RecomputesDown { get; }

    /// <summary>Set by the forward pass, disposed of by the backward pass.</summary>
    public AttentionOutput? Attention { get; set; }

    /// <summary>Bytes of the buffers that are its own; attention's result not included.</summary>
    public long Bytes => _taken.Sum(matrix => matrix.Bytes);

    public void Dispose()
    {
        Attention?.Dispose();
        _view?.Dispose();
        foreach (var matrix in _taken)
            matrix.Dispose();
    }
}
