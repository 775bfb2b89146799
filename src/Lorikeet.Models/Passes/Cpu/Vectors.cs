using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

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

    /// <summary>The largest of sixteen numbers.</summary>
    public static float Largest(Vector512<float> values)
    {
        var eight = Vector256.Max(values.GetLower(), values.GetUpper());
        var four = Vector128.Max(eight.GetLower(), eight.GetUpper());
        return MathF.Max(MathF.Max(four[0], four[1]), MathF.Max(four[2], four[3]));
    }
}
