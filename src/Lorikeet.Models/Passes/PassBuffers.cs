namespace Lorikeet.Models.Passes;

/// <summary>The buffers of a pass over so many tokens: views of the memory that batches of all sizes share.</summary>
internal sealed class PassBuffers : IDisposable
{
    /// <summary>Inputs of recomputed layers on the device at once, when the others wait on the host.</summary>
    public const int MostSlots = 3;

    private readonly List<Matrix> _owned = [];

    /// <summary>Makes buffers for batches of <paramref name="tokens"/> tokens.</summary>
    /// <param name="layers">The model's layers.</param>
    /// <param name="tokens">Rows.</param>
    /// <param name="keptFrom">
    /// The first layer that keeps what its backward pass needs; those below are recomputed in the buffers of the last of them.
    /// </param>
    /// <param name="memory">Where they lie.</param>
    /// <param name="offloads">Whether the inputs of recomputed layers take turns in a few slots.</param>
    public PassBuffers(
        IReadOnlyList<FusedLayer> layers, int tokens, int keptFrom, BufferMemory memory, bool offloads = false)
    {
        Matrix Own(int columns, int border = 0)
        {
            var matrix = memory.Take(tokens, columns, border);
            _owned.Add(matrix);
            return matrix;
        }

        Matrix? Narrow(int rank) => rank == 0 ? null : Own(rank);

        var widths = LayerWidths.Of(layers);
        var recomputed = keptFrom > 0 ? new LayerBuffers(widths, tokens, memory) : null;
        if (offloads)
            Slots = [.. Enumerable.Range(0, Math.Clamp(keptFrom - 1, 0, MostSlots)).Select(_ => Own(widths.Hidden))];
        Layers = [.. layers.Select((_, index) =>
            index == keptFrom - 1 ? recomputed!
            : index >= keptFrom ? new LayerBuffers(widths, tokens, memory)
            : new LayerBuffers(widths, tokens, memory, recomputed, offloads ? Slots[index % Slots.Count] : null))];
        Normalised = Own(widths.Hidden, widths.NormalisedBorder);
        Gradient = Own(widths.Hidden, widths.GradientBorder);
        Activation = Own(widths.Inner, widths.ActivationBorder);
        (Delta, Last) = (Own(widths.Hidden), Own(widths.Hidden));
        AttendedGradient = widths.Attended == widths.Hidden ? Last : Own(widths.Attended);
        QkvNarrow = Narrow(widths.QkvRank);
        OutputNarrow = Narrow(widths.OutputRank);
        GateUpNarrow = Narrow(widths.GateUpRank);
        DownNarrow = Narrow(widths.DownRank);
    }

    public IReadOnlyList<LayerBuffers> Layers { get; }

    /// <summary>[tokens, hidden] each: where the inputs of recomputed layers take turns; empty when each has its own place.</summary>
    public IReadOnlyList<Matrix> Slots { get; } = [];

    /// <summary>[tokens, hidden]: input of the next fused projection.</summary>
    public Matrix Normalised { get; }

    /// <summary>[tokens, hidden]: what the last projection adds to the residual stream.</summary>
    public Matrix Delta { get; }

    /// <summary>[tokens, hidden]: output of the last layer, until its gradient is known.</summary>
    public Matrix Last { get; }

    /// <summary>[tokens, hidden]: gradient of the residual stream.</summary>
    public Matrix Gradient { get; }

    /// <summary>[tokens, inner].</summary>
    public Matrix Activation { get; }

    /// <summary>[tokens, heads · headSize]; in the memory of <see cref="Last"/> where it is as wide.</summary>
    public Matrix AttendedGradient { get; }

    /// <summary>[tokens, rank]: gradients of what the factors A made.</summary>
    public Matrix? QkvNarrow { get; }

    public Matrix? OutputNarrow { get; }

    public Matrix? GateUpNarrow { get; }

    public Matrix? DownNarrow { get; }

    public void Dispose()
    {
        foreach (var layer in Layers)
            layer.Dispose();
        foreach (var matrix in _owned)
            matrix.Dispose();
    }
}
