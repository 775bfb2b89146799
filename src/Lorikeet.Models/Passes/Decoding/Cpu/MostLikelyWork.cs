using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Lorikeet.Models.Passes.Cpu;

namespace Lorikeet.Models.Passes.Decoding.Cpu;

/// <summary>The first of the largest numbers of each row; -1 where it is not finite.</summary>
internal readonly unsafe struct MostLikelyWork(Rows<FloatElement> logits, long* chosen) : IRangeWork
{
    private readonly Rows<FloatElement> _logits = logits;
    private readonly long* _chosen = chosen;

    public void Run(int start, int end)
    {
        for (var row = start; row < end; row++)
        {
            var values = (float*)_logits[row];
            var largest = Largest(values, _logits.Columns);
            _chosen[row] = float.IsFinite(largest)
                ? new ReadOnlySpan<float>(values, _logits.Columns).IndexOf(largest)
                : -1;
        }
    }

    /// <summary>NaN if there is one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Largest(float* values, int count)
    {
        var most = Vector512.Create(float.NegativeInfinity);
        var i = 0;
        for (; i <= count - Row.Lanes; i += Row.Lanes)
            most = Vector512.Max(most, Vector512.Load(values + i));
        var largest = Vectors.Largest(most);
        for (; i < count; i++)
            largest = MathF.Max(largest, values[i]);
        return largest;
    }
}
