using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Lorikeet.Models.Passes.Cpu;

/// <summary>tanh of sixteen numbers at once, to a few units in the last place.</summary>
internal static class HyperbolicTangent
{
    private const float Small = 0.625f;

    /// <summary>
    /// x + x³ P(x²) near zero (Cephes' tanhf, Moshier), elsewhere 1 - 2 / (e^2|x| + 1) with the sign of x.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Of(Vector512<float> x)
    {
        var z = x * x;
        var p = Vector512.Create(-5.70498872745e-3f);
        p = Vector512.FusedMultiplyAdd(p, z, Vector512.Create(2.06390887954e-2f));
        p = Vector512.FusedMultiplyAdd(p, z, Vector512.Create(-5.37397155531e-2f));
        p = Vector512.FusedMultiplyAdd(p, z, Vector512.Create(1.33314422036e-1f));
        p = Vector512.FusedMultiplyAdd(p, z, Vector512.Create(-3.33332819422e-1f));
        var near = Vector512.FusedMultiplyAdd(p * z, x, x);

        var magnitude = Vector512.Abs(x);
        var far = Vector512<float>.One - Vector512.Create(2f) / (
            Exponential.Of(magnitude + magnitude) + Vector512<float>.One);
        return Vector512.ConditionalSelect(
            Vector512.LessThan(magnitude, Vector512.Create(Small)), near, Vector512.CopySign(far, x));
    }
}
