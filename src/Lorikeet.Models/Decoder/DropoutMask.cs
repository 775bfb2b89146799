using System.Runtime.CompilerServices;

namespace Lorikeet.Models.Decoder;

/// <summary>
/// Which elements dropout keeps: a function of a key and the element's index alone, the same on every device, so that a
/// recomputed layer and a resumed run see the mask of the first pass.
/// </summary>
/// <remarks>The finalizer of MurmurHash3 (Appleby, public domain) over index and key, in 32 bits.</remarks>
internal static class DropoutMask
{
    /// <summary>An element is kept when its number is not below this.</summary>
    /// <param name="p">Probability of being dropped, in [0, 1).</param>
    public static uint Threshold(double p) => (uint)(p * (1L << 32));

    /// <summary>The random number of an element.</summary>
    /// <param name="key">Names the mask.</param>
    /// <param name="index">row · columns + column, modulo 2^32.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Number(ulong key, uint index)
    {
        var bits = (index * 0x9E3779B1u) ^ (uint)key;
        bits = (bits ^ (bits >> 16)) * 0x85EBCA6Bu + (uint)(key >> 32);
        bits = (bits ^ (bits >> 13)) * 0xC2B2AE35u;
        return bits ^ (bits >> 16);
    }
}
