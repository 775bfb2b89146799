using TorchSharp;
using static TorchSharp.torch;

namespace Lorikeet.Models.Native;

/// <summary>
/// Tensor operations with a number. TorchSharp passes numbers to libtorch as <see cref="Scalar"/>s and keeps no
/// reference to those it makes itself, so the garbage collector may finalize one while libtorch reads it; <c>a + b</c>
/// makes one too, for alpha = 1. The operations here keep theirs alive until libtorch returns.
/// </summary>
/// <remarks>
/// Nothing else in Lorikeet may make a Scalar or call an operation of TorchSharp that makes one:
/// <c>ScalarLifetimeTests</c> reads the compiled code of both and fails.
/// </remarks>
internal static class TensorArithmetic
{
    // Held for good: the alpha of every sum.
    private static readonly Scalar s_one = 1;

    /// <summary>a + b.</summary>
    public static Tensor Plus(this Tensor a, Tensor b) => a.add(b, s_one);

    /// <summary>a + factor · b.</summary>
    public static Tensor Plus(this Tensor a, Tensor b, double factor)
    {
        using Scalar scalar = factor;
        return a.add(b, scalar);
    }

    /// <summary>a + number.</summary>
    public static Tensor Plus(this Tensor a, double number)
    {
        using Scalar scalar = number;
        return a.add(scalar, s_one);
    }

    /// <summary>a - number; whole numbers keep the type of an integer tensor.</summary>
    public static Tensor Minus(this Tensor a, long number)
    {
        using Scalar scalar = number;
        return a.sub(scalar);
    }

    /// <summary>factor · a.</summary>
    public static Tensor Times(this Tensor a, double factor)
    {
        using Scalar scalar = factor;
        return a.mul(scalar);
    }

    /// <summary>factor · a; whole numbers keep the type of an integer tensor.</summary>
    public static Tensor Times(this Tensor a, long factor)
    {
        using Scalar scalar = factor;
        return a.mul(scalar);
    }

    /// <summary>a / divisor.</summary>
    public static Tensor Over(this Tensor a, double divisor)
    {
        using Scalar scalar = divisor;
        return a.div(scalar);
    }

    /// <summary>a += b.</summary>
    public static Tensor Increase(this Tensor a, Tensor b) => a.add_(b, s_one);

    /// <summary>a += factor · b.</summary>
    public static Tensor Increase(this Tensor a, Tensor b, double factor)
    {
        using Scalar scalar = factor;
        return a.add_(b, scalar);
    }

    /// <summary>a += number.</summary>
    public static Tensor Increase(this Tensor a, double number)
    {
        using Scalar scalar = number;
        return a.add_(scalar, s_one);
    }

    /// <summary>a *= factor.</summary>
    public static Tensor Scale(this Tensor a, double factor)
    {
        using Scalar scalar = factor;
        return a.mul_(scalar);
    }

    /// <summary>a += weight · (b - a).</summary>
    public static Tensor Approach(this Tensor a, Tensor b, float weight)
    {
        // TorchSharp's overload for a Scalar is not implemented.
        using var one = tensor(weight);
        return a.lerp_(b, one);
    }

    /// <summary>a += factor · b · c.</summary>
    public static Tensor IncreaseByProduct(this Tensor a, Tensor b, Tensor c, double factor)
    {
        using Scalar scalar = factor;
        return a.addcmul_(b, c, scalar);
    }

    /// <summary>a += factor · b / c.</summary>
    public static Tensor IncreaseByQuotient(this Tensor a, Tensor b, Tensor c, double factor)
    {
        using Scalar scalar = factor;
        return a.addcdiv_(b, c, scalar);
    }

    /// <summary>Where a is at least number.</summary>
    public static Tensor AtLeast(this Tensor a, double number)
    {
        using Scalar scalar = number;
        return a.ge(scalar);
    }

    /// <summary>Where a is below number.</summary>
    public static Tensor Below(this Tensor a, double number)
    {
        using Scalar scalar = number;
        return a.lt(scalar);
    }

    /// <summary>The larger of a and number.</summary>
    public static Tensor ClampedFrom(this Tensor a, double number)
    {
        using Scalar scalar = number;
        return a.clamp(min: scalar);
    }

    /// <summary>a with a number where the mask is set.</summary>
    public static Tensor FilledWhere(this Tensor a, Tensor mask, double number)
    {
        using Scalar scalar = number;
        return a.masked_fill(mask, scalar);
    }

    /// <summary>Sets every element of a to a number.</summary>
    public static Tensor Fill(this Tensor a, double number)
    {
        using Scalar scalar = number;
        return a.fill_(scalar);
    }

    /// <summary>Sets every element of a to zero.</summary>
    /// <remarks>
    /// TorchSharp's own gives back a second handle, which would hold the memory until it is collected.
    /// </remarks>
    public static void Clear(this Tensor a) => a.zero_().Dispose();

    /// <summary>a with rows added to those of these indices.</summary>
    public static Tensor PlusRows(this Tensor a, Tensor indices, Tensor rows) => a.index_add(0, indices, rows, s_one);

    /// <summary>Adds rows to those of these indices, of which several may be the same.</summary>
    public static Tensor IncreaseRows(this Tensor a, Tensor indices, Tensor rows) =>
        a.index_add_(0, indices, rows, s_one);

    /// <summary>Where a equals number.</summary>
    public static Tensor IsEqualTo(this Tensor a, double number)
    {
        using Scalar scalar = number;
        return a.eq(scalar);
    }

    /// <summary>Sets the rows of a that have these indices to a number.</summary>
    public static Tensor FillRows(this Tensor a, Tensor indices, double number)
    {
        using Scalar scalar = number;
        return a.index_fill_(0, indices, scalar);
    }

    /// <summary>a[:, indices] += factor · b; indices that are repeated add up.</summary>
    public static Tensor IncreaseColumns(this Tensor a, Tensor indices, Tensor b, double factor)
    {
        using Scalar scalar = factor;
        return a.index_add_(1, indices, b, scalar);
    }

    /// <summary>0, 1, ..., count - 1.</summary>
    public static Tensor Range(long count, ScalarType type, Device device)
    {
        using Scalar start = 0, stop = count, step = 1;
        return arange(start, stop, step, type, device);
    }
}
