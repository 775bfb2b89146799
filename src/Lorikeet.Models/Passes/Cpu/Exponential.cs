using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Lorikeet.Models.Passes.Cpu;

/// <summary>exp of sixteen numbers at once, to two units in the last place.</summary>
internal static class Exponential
{
    // Below, the result is zero; above, float32 has no number for it.
    private const float Smallest = -87.33654f;
    private const float Largest = 88.72283f;
    private const float Log2E = 1.44269504f;
    private const float Log2High = 0.693359375f; // with few bits, so that n · Log2High is exact
    private const float Log2Low = -2.12194440e-4f;

    /// <summary>x = n ln 2 + r with |r| at most ln 2 / 2; e^r by the polynomial of Cephes' expf (Moshier).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Of(Vector512<float> x)
    {
        var vanishes = Vector512.LessThan(x, Vector512.Create(Smallest));
        // The native forms: no lane is beyond what an integer holds, and a NaN may become any number but not a fault.
        x = Vector512.MinNative(Vector512.MaxNative(x, Vector512.Create(Smallest)), Vector512.Create(Largest));
        var n = Vector512.Floor(Vector512.FusedMultiplyAdd(x, Vector512.Create(Log2E), Vector512.Create(0.5f)));
        var r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-Log2High), x);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-Log2Low), r);

        var p = Vector512.Create(1.9875691500e-4f);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.3981999507e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(8.3334519073e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(4.1665795894e-2f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.6666665459e-1f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(5.0000001201e-1f));
        p = Vector512.FusedMultiplyAdd(p, r * r, r + Vector512<float>.One);

        // Times 2^n, built as the bits of a float. n = 128 at the upper end would overflow the exponent: halve and
        // double.
        var whole = Vector512.ConvertToInt32Native(n);
        var half = whole >> 1;
        var rest = whole - half;
        return Vector512.AndNot(p * PowerOfTwo(half) * PowerOfTwo(rest), vanishes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> PowerOfTwo(Vector512<int> n) => ((n + Vector512.Create(127)) << 23).AsSingle();
}
