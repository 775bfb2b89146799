using Lorikeet.Models.Decoder;
using static TorchSharp.torch;

namespace Lorikeet.Models.Passes;

/// <summary>What attention must know of a batch: where its segments lie and how each layer rotates positions.</summary>
internal sealed class Sequences : IDisposable
{
    private readonly Dictionary<Rotation, HeadRotation> _distinct = [];

    /// <summary>Prepares a batch.</summary>
    /// <param name="layout">The segments; stays the caller's.</param>
    /// <param name="rotations">How each layer rotates; null in one that does not.</param>
    /// <param name="repeated">The same with what segments share repeated; becomes this object's.</param>
    public Sequences(
        SegmentLayout layout, IReadOnlyList<Rotation?> rotations, (RepeatedLayout, Sequences)? repeated = null)
    {
        Repeated = repeated;
        Layout = layout;
        Rotations = [.. rotations.Select(rotation => rotation is { } given ? Distinct(given) : null)];
        Starts = tensor(layout.Starts.ToArray(), ScalarType.Int32, layout.Positions.device).DetachFromDisposeScope();
    }

    public SegmentLayout Layout { get; }

    /// <summary>The batch as attention sees it, where segments share their beginnings; else null.</summary>
    public (RepeatedLayout Layout, Sequences Sequences)? Repeated { get; }

    /// <summary>Start of each segment and the end of the last: int32 [segments + 1] on the device.</summary>
    public Tensor Starts { get; }

    /// <summary>How each layer rotates; null in one that does not.</summary>
    public IReadOnlyList<HeadRotation?> Rotations { get; }

    private HeadRotation Distinct(Rotation rotation) => _distinct.TryGetValue(rotation, out var known)
        ? known
        : _distinct[rotation] = HeadRotation.Of(rotation);

    public void Dispose()
    {
        Starts.Dispose();
        Repeated?.Sequences.Dispose();
        Repeated?.Layout.Dispose();
        foreach (var rotation in _distinct.Values)
            rotation.Dispose();
    }
}
