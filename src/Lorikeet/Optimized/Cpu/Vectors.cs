using System.Runtime.Intrinsics;

namespace Lorikeet.Optimized.Cpu;

/// <summary>Small things about vectors.</summary>
internal static class Vectors
{
    /// <summary>A score that no other outweighs less; finite, so that a product with it stays a number.</summary>
    public const float Hidden = -1e30f;

    /// <summary>The largest of sixteen numbers.</summary>
    public static float Largest(Vector512<float> values)
    {
        var eight = Vector256.Max(values.GetLower(), values.GetUpper());
        var four = Vector128.Max(eight.GetLower(), eight.GetUpper());
        return MathF.Max(MathF.Max(four[0], four[1]), MathF.Max(four[2], four[3]));
    }
}
