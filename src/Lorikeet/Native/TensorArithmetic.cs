using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Native;

/// <summary>
/// Operations that TorchSharp hands a <see cref="Scalar"/>, which it makes in passing: with nothing else to hold it, it may be
/// finalized while libtorch still reads it. These hold theirs. Every tensor sum is one, because of its factor 1.
/// </summary>
internal static class TensorArithmetic
{
    private static readonly Scalar s_one = 1;

    /// <summary>a + b.</summary>
    public static Tensor Plus(this Tensor a, Tensor b) => a.add(b, s_one);

    /// <summary>a += b.</summary>
    public static Tensor Increase(this Tensor a, Tensor b) => a.add_(b, s_one);

    /// <summary>factor · a.</summary>
    public static Tensor Times(this Tensor a, double factor)
    {
        using Scalar scalar = factor;
        return a.mul(scalar);
    }

    /// <summary>a *= factor.</summary>
    public static Tensor Scale(this Tensor a, double factor)
    {
        using Scalar scalar = factor;
        return a.mul_(scalar);
    }
}
