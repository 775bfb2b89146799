using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lorikeet.Optimized.Cpu;

namespace Lorikeet.Optimized.Decoding.Cpu;

/// <summary>float16, from which the weights of some checkpoints were quantized; no number beyond its range.</summary>
internal readonly struct HalfRounding : IRounding
{
    private const float SmallestNormal = 1f / (1 << 14);

    /// <summary>Where float32 numbers are as far apart as float16 numbers below the normal ones: 2^-24.</summary>
    private const float Coarse = 0.75f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Round(Vector512<float> values)
    {
        // Ten bits of fraction instead of 23, ties to even.
        var bits = values.AsUInt32();
        var normal = (bits + Vector512.Create(0xfffu) + ((bits >> 13) & Vector512<uint>.One)) & Vector512.Create(~0x1fffu);
        var subnormal = values + Vector512.Create(Coarse) - Vector512.Create(Coarse);
        return Vector512.ConditionalSelect(
            Vector512.LessThan(Vector512.Abs(values), Vector512.Create(SmallestNormal)), subnormal, normal.AsSingle());
    }
}
