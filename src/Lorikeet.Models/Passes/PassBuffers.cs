namespace Lorikeet.Models.Passes;

/// <summary>The buffers of a pass over so many tokens: views of the memory that batches of all sizes share.</summary>
internal sealed class PassBuffers : IDisposable
{
    /// <summary>Inputs of recomputed layers on the device at once, when the others wait on the host.</summary>
    public const int MostSlots = 3;

    private readonly List<Matrix> _owned = [];
    private readonly LayerBuffers? _recomputed;
    private readonly Matrix? _view;
    private readonly int _offloaded;

    /// <summary>Makes buffers for batches of <paramref name="tokens"/> tokens.</summary>
    /// <param name="widths">How wide they must be.</param>
    /// <param name="layers">Layers of the model.</param>
    /// <param name="tokens">Rows.</param>
    /// <param name="keptFrom">
    /// The first layer that keeps what its backward pass needs; those below are recomputed in the buffers of the last
    /// of them.
    /// </param>
    /// <param name="memory">Where they lie.</param>
    /// <param name="offloads">Whether the inputs of recomputed layers take turns in a few slots.</param>
    /// <param name="slice">Rows of the feed-forward that exist at once; <see cref="FeedForwardSlice"/> says.</param>
    public PassBuffers(
        LayerWidths widths, int layers, int tokens, int keptFrom, BufferMemory memory, bool offloads = false,
        int slice = int.MaxValue)
    {
        Matrix Own(int columns, int extra = 0)
        {
            var matrix = memory.Take(tokens, columns, extra);
            _owned.Add(matrix);
            return matrix;
        }

        IsSliced = slice != int.MaxValue;
        Slices = FeedForwardSlice.Of(tokens, slice);
        _recomputed = keptFrom > 0 ? new LayerBuffers(widths, tokens, memory, slice: slice) : null;
        _offloaded = offloads ? Math.Max(0, keptFrom - 1) : 0;
        Slots = [.. Enumerable.Range(0, Math.Min(_offloaded, MostSlots))
            .Select(_ => memory.Take(tokens, widths.Hidden))];
        Layers = [.. Enumerable.Range(0, layers).Select(index =>
            index == keptFrom - 1 ? _recomputed!
            : index >= keptFrom ? new LayerBuffers(widths, tokens, memory)
            : new LayerBuffers(widths, tokens, memory, _recomputed, offloads ? Slots[index % Slots.Count] : null))];
        NormOutput = Own(widths.Hidden, widths.NormOutputExtra);
        Gradient = Own(widths.Hidden, widths.GradientExtra);
        Activation = memory.Take(tokens, widths.Inner, widths.ActivationExtra, slice);
        _owned.Add(Activation);
        RotatedHeads = widths.RotatedHeads == 0 ? null
            : widths.RotatedFitsActivation && !IsSliced ? _view = Activation.Reuse(widths.RotatedHeads)
            : Own(widths.RotatedHeads);
        (BlockOutput, FinalResidual) = (
            Own(widths.Hidden, widths.BlockOutputExtra), Own(widths.Hidden));
        AttendedGradient = widths.Attended == widths.Hidden ? FinalResidual : Own(widths.Attended);
        LoraHiddenGradient = widths.Ranks.Select(rank => rank == 0 ? null : Own(rank));
    }

    public IReadOnlyList<LayerBuffers> Layers { get; }

    /// <summary>
    /// Whether the feed-forward is computed some rows after others, forward and again backward: then nothing of it is
    /// kept.
    /// </summary>
    public bool IsSliced { get; }

    /// <summary>The rows that the feed-forward computes at once: all of them, unless it is sliced.</summary>
    public IReadOnlyList<(int Start, int Count)> Slices { get; }

    /// <summary>
    /// [tokens, hidden] each: where the inputs of recomputed layers take turns; empty when each has its own place.
    /// </summary>
    public IReadOnlyList<Matrix> Slots { get; }

    /// <summary>[tokens, hidden]: norm(x), the input of the next GEMM.</summary>
    public Matrix NormOutput { get; }

    /// <summary>
    /// [tokens, hidden]: what attention or feed-forward adds to the residual stream; in the backward pass its gradient,
    /// where that is another than the stream's.
    /// </summary>
    public Matrix BlockOutput { get; }

    /// <summary>[tokens, hidden]: the residual stream after the last layer, until its gradient is known.</summary>
    public Matrix FinalResidual { get; }

    /// <summary>[tokens, hidden]: gradient of the residual stream.</summary>
    public Matrix Gradient { get; }

    /// <summary>[tokens or those of a slice, inner]: φ(gate) ⊙ up, and its gradient.</summary>
    public Matrix Activation { get; }

    /// <summary>
    /// [tokens, queries + keys]: normalised and rotated, while a layer attends; null where heads are rotated in place.
    /// In the memory of <see cref="Activation"/>, which no layer needs meanwhile, where it fits.
    /// </summary>
    public Matrix? RotatedHeads { get; }

    /// <summary>[tokens, heads · headSize]; in the memory of <see cref="FinalResidual"/> where it is as wide.</summary>
    public Matrix AttendedGradient { get; }

    /// <summary>G = dY B of each GEMM, the gradient of U, [tokens, rank]; null without adapters.</summary>
    public PerProjection<Matrix?> LoraHiddenGradient { get; }

    /// <summary>
    /// Bytes of what layers keep for the backward pass: their inputs and, where they are not recomputed, all of it.
    /// </summary>
    public long KeptBytes =>
        Layers.Where(layer => layer != _recomputed).Sum(layer => layer.Bytes) + Slots.Sum(slot => slot.Bytes);

    /// <summary>Bytes of what layers that are recomputed use one after the other.</summary>
    public long RecomputedBytes => _recomputed?.Bytes ?? 0;

    /// <summary>Bytes of what all layers use one after the other.</summary>
    public long SharedBytes => _owned.Sum(matrix => matrix.Bytes);

    /// <summary>Bytes of the inputs that wait in the host's memory.</summary>
    public long HostBytes => Slots.Count == 0 ? 0 : _offloaded * Slots[0].Bytes;

    public void Dispose()
    {
        foreach (var layer in Layers)
            layer.Dispose();
        _view?.Dispose();
        foreach (var matrix in (IEnumerable<Matrix>)[.. _owned, .. Slots])
            matrix.Dispose();
    }
}
