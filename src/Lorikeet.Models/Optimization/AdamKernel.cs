using System.Numerics;
using System.Runtime.CompilerServices;

namespace Lorikeet.Models.Optimization;

/// <summary>
/// AdamW on the CPU: one pass over parameter, gradient and averages, where tensor operations would make eight.
/// </summary>
internal static unsafe class AdamKernel
{
    /// <summary>Elements a task handles: the four arrays of one stay in a core's cache.</summary>
    private const int TaskLength = 1 << 15;

    /// <summary>Updates <paramref name="count"/> elements of the four arrays.</summary>
    public static void Run<TRule>(float* p, float* g, float* m, float* v, long count, TRule rule)
        where TRule : unmanaged, IAdamRule<TRule>
    {
        if (count <= TaskLength)
        {
            RunTask(p, g, m, v, (int)count, rule);
            return;
        }

        Parallel.For(0, (count + TaskLength - 1) / TaskLength, task =>
        {
            var start = task * TaskLength;
            RunTask(p + start, g + start, m + start, v + start, (int)Math.Min(TaskLength, count - start), rule);
        });
    }

    /// <summary>The same without dividing the work.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void RunTask<TRule>(float* p, float* g, float* m, float* v, int count, TRule rule)
        where TRule : unmanaged, IAdamRule<TRule>
    {
        var i = 0;
        for (; i <= count - Vector<float>.Count; i += Vector<float>.Count)
        {
            var (first, second) = (Vector.Load(m + i), Vector.Load(v + i));
            rule.Apply(Vector.Load(p + i), Vector.Load(g + i), ref first, ref second).Store(p + i);
            first.Store(m + i);
            second.Store(v + i);
        }

        for (; i < count; i++)
        {
            var (first, second) = (new Vector<float>(m[i]), new Vector<float>(v[i]));
            p[i] = rule.Apply(new Vector<float>(p[i]), new Vector<float>(g[i]), ref first, ref second)[0];
            m[i] = first[0];
            v[i] = second[0];
        }
    }
}
