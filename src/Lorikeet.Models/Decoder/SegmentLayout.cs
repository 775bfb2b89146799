using static TorchSharp.torch;

namespace Lorikeet.Models.Decoder;

/// <summary>
/// Sequences lying end to end in one flat list of tokens: the shape of every batch. There is no padding outside
/// attention, and no token can see another sequence, so packing needs no mask.
/// </summary>
internal sealed class SegmentLayout : IDisposable
{
    /// <summary>Creates the layout on <paramref name="device"/>.</summary>
    /// <param name="starts">Start of each segment, then the total number of tokens.</param>
    /// <param name="device">Device of its index tensors.</param>
    /// <param name="prefixes">Tokens before each segment that belong to it and lie elsewhere; null for none.</param>
    public SegmentLayout(IReadOnlyList<int> starts, Device device, IReadOnlyList<int>? prefixes = null)
    {
        Starts = starts;
        Count = starts.Count - 1;
        Longest = Enumerable.Range(0, Count).Max(segment => Length(segment) + (prefixes?[segment] ?? 0));
        Uniform = Enumerable.Range(0, Count).All(segment => Length(segment) == Longest);

        var positions = new long[Tokens];
        var slots = new long[Tokens];
        var tokens = new long[(long)Count * Longest];
        for (var segment = 0; segment < Count; segment++)
        {
            for (var i = 0; i < Length(segment); i++)
            {
                positions[starts[segment] + i] = i + (prefixes?[segment] ?? 0);
                slots[starts[segment] + i] = (long)segment * Longest + i;
                tokens[(long)segment * Longest + i] = starts[segment] + i;
            }
        }

        Positions = tensor(positions, device: device).DetachFromDisposeScope();
        SlotOfToken = tensor(slots, device: device).DetachFromDisposeScope();
        TokenOfSlot = tensor(tokens, device: device).DetachFromDisposeScope();
    }

    /// <summary>Start of each segment, then the end of the last.</summary>
    public IReadOnlyList<int> Starts { get; }

    /// <summary>Segments.</summary>
    public int Count { get; }

    /// <summary>Tokens of the longest segment, what it shares included.</summary>
    public int Longest { get; }

    /// <summary>Whether all segments have the same length.</summary>
    public bool Uniform { get; }

    /// <summary>Tokens in all segments.</summary>
    public int Tokens => Starts[^1];

    /// <summary>Position of each token in its segment, int64 [tokens].</summary>
    public Tensor Positions { get; }

    /// <summary>Where a token lies in the padded grid [segments · longest], int64 [tokens].</summary>
    public Tensor SlotOfToken { get; }

    /// <summary>The token of a slot of the padded grid; token 0 where the slot is padding.</summary>
    public Tensor TokenOfSlot { get; }

    /// <summary>Tokens of one segment.</summary>
    public int Length(int segment) => Starts[segment + 1] - Starts[segment];

    public void Dispose()
    {
        Positions.Dispose();
        SlotOfToken.Dispose();
        TokenOfSlot.Dispose();
    }
}
