using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Lorikeet.Models.Passes.Cpu;

/// <summary>Sums and maxima across a vector of sixteen numbers.</summary>
internal static class Vectors
{
    /// <summary>Score of masked positions: low enough to vanish in softmax, finite so that 0 · it is no NaN.</summary>
    public const float Hidden = -1e30f;

    /// <summary>
    /// The sum of sixteen numbers, halves first: a third of the instructions of <c>Vector512.Sum</c>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector512<float> values)
    {
        var eight = values.GetLower() + values.GetUpper();
        return Vector128.Sum(eight.GetLower() + eight.GetUpper());
    }

    /// <summary>
    /// The first place at or after another where a vector does not reach into two lines of the cache; up to
    /// <see cref="Row.Lanes"/> numbers further.
    /// </summary>
    public static unsafe float* Align(float* place) => (float*)(((nint)place + 63) & ~(nint)63);

    /// <summary>Adds the sum of each vector to one of four numbers that lie together.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void AddSums(
        Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d, float* sums)
    {
        var (four0, four1, four2, four3) = (Quarter(a), Quarter(b), Quarter(c), Quarter(d));
        var sum = Pairs(Pairs(four0, four1), Pairs(four2, four3));
        (Vector128.Load(sums) + sum).Store(sums);
    }

    /// <summary>The largest of sixteen numbers.</summary>
    public static float Largest(Vector512<float> values)
    {
        var eight = Vector256.Max(values.GetLower(), values.GetUpper());
        var four = Vector128.Max(eight.GetLower(), eight.GetUpper());
        return MathF.Max(MathF.Max(four[0], four[1]), MathF.Max(four[2], four[3]));
    }

    private static Vector128<float> Quarter(Vector512<float> values)
    {
        var eight = values.GetLower() + values.GetUpper();
        return eight.GetLower() + eight.GetUpper();
    }

    /// <summary>Sums of neighbours: first those of a, then those of b.</summary>
    private static Vector128<float> Pairs(Vector128<float> a, Vector128<float> b) =>
        Sse3.IsSupported
            ? Sse3.HorizontalAdd(a, b)
            : Vector128.Create(a[0] + a[1], a[2] + a[3], b[0] + b[1], b[2] + b[3]);
}
