using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>What a layer leaves for its backward pass. Layers that are recomputed share all but their input.</summary>
internal sealed class LayerBuffers : IDisposable
{
    private readonly List<Matrix> _owned = [];

    /// <summary>Makes the buffers of a layer for so many tokens.</summary>
    /// <param name="widths">How wide they must be.</param>
    /// <param name="tokens">Rows.</param>
    /// <param name="memory">Where they lie.</param>
    /// <param name="shared">The buffers to share, when the layer is recomputed in the backward pass.</param>
    /// <param name="input">Where its input lies, if not in a place of its own; stays the caller's.</param>
    public LayerBuffers(
        LayerWidths widths, int tokens, BufferMemory memory, LayerBuffers? shared = null, Matrix? input = null)
    {
        Matrix Keep(Matrix matrix)
        {
            _owned.Add(matrix);
            return matrix;
        }

        Matrix Own(int columns) => Keep(memory.Take(tokens, columns));

        Matrix? Narrow(int rank) => rank == 0 ? null : Own(rank);

        Input = input ?? Own(widths.Hidden);
        DownNarrow = Narrow(widths.DownRank);
        Middle = shared?.Middle ?? Own(widths.Hidden);
        Qkv = shared?.Qkv ?? Own(widths.Qkv);
        GateUp = shared?.GateUp ?? Own(2 * widths.Inner);
        QkvGradient = shared?.QkvGradient ?? (widths.QkvFitsGateUp ? Keep(GateUp.Reuse(widths.Qkv)) : Own(widths.Qkv));
        QkvNarrow = shared is null ? Narrow(widths.QkvRank) : shared.QkvNarrow;
        OutputNarrow = shared is null ? Narrow(widths.OutputRank) : shared.OutputNarrow;
        GateUpNarrow = shared is null ? Narrow(widths.GateUpRank) : shared.GateUpNarrow;
    }

    /// <summary>[tokens, hidden]: the residual stream before the layer.</summary>
    public Matrix Input { get; }

    /// <summary>[tokens, hidden]: the residual stream between attention and feed-forward.</summary>
    public Matrix Middle { get; }

    /// <summary>[tokens, queries + keys + values], rotated.</summary>
    public Matrix Qkv { get; }

    /// <summary>[tokens, 2 · inner].</summary>
    public Matrix GateUp { get; }

    /// <summary>
    /// [tokens, queries + keys + values]; in the memory of <see cref="GateUp"/>, which the backward pass is done with by then,
    /// where it fits.
    /// </summary>
    public Matrix QkvGradient { get; }

    /// <summary>[tokens, rank]: what the factors A made of the inputs of each fused projection.</summary>
    public Matrix? QkvNarrow { get; }

    public Matrix? OutputNarrow { get; }

    public Matrix? GateUpNarrow { get; }

    public Matrix? DownNarrow { get; }

    /// <summary>Set by the forward pass, disposed of by the backward pass.</summary>
    public AttentionOutput? Attention { get; set; }

    public void Dispose()
    {
        Attention?.Dispose();
        foreach (var matrix in _owned)
            matrix.Dispose();
    }
}
