using Lorikeet.Formats;
using Lorikeet.Models.Native;
using static TorchSharp.torch;

namespace Lorikeet.Models.Decoder;

/// <summary>Everything one pass through the layers shares.</summary>
/// <param name="Attention">Who sees whom, and where keys and values are kept.</param>
/// <param name="Rotations">How each layer rotates the tokens; null in a layer that does not.</param>
/// <param name="ComputeType">Type of activations and GEMMs.</param>
/// <param name="Dropout">Where the random numbers of LoRA dropout come from; null outside training.</param>
internal sealed record ForwardContext(
    AttentionPattern Attention, IReadOnlyList<Rotation?> Rotations, ScalarType ComputeType, PassKey? Dropout);

/// <summary>
/// Names one forward pass. Masks are a function of this key and the projection, so recomputing a layer repeats them and
/// a resumed run needs no stored generator.
/// </summary>
/// <param name="Seed">The run's seed.</param>
/// <param name="Step">Optimizer step.</param>
/// <param name="MicroBatch">Index within the accumulated step.</param>
public readonly record struct PassKey(ulong Seed, int Step, int MicroBatch)
{
    /// <summary>The key of a projection's mask (<see cref="DropoutMask"/>).</summary>
    internal ulong Mask(int projection) =>
        CounterRandom.Hash(Seed, RandomPurpose.Dropout, (ulong)Step, (ulong)MicroBatch, (ulong)projection);

    /// <summary>Scales the survivors of dropout with probability <paramref name="p"/> by 1/(1-p).</summary>
    internal Tensor Apply(Tensor x, double p, int projection)
    {
        var (key, threshold) = (Mask(projection), DropoutMask.Threshold(p));
        using var kept = empty(x.shape, ScalarType.Bool, CPU);
        var flags = TensorMemory.Span<bool>(kept);
        for (var i = 0; i < flags.Length; i++)
            flags[i] = DropoutMask.Number(key, (uint)i) >= threshold;
        using var mask = kept.to(x.device).to_type(x.dtype).Scale(1 / (1 - p));
        return x * mask;
    }
}
