using System.Runtime.CompilerServices;

namespace Lorikeet.Formats;

/// <summary>
/// Stands at the head of every method that calls itself on nested input, so that nesting ends in an error and not in a
/// full stack, which ends the process: <c>using var level = DepthGuard.Enter();</c>
/// </summary>
/// <remarks>The levels are those of the thread: they may not reach over an <c>await</c> or a <c>yield</c>.</remarks>
public readonly ref struct DepthGuard
{
    [ThreadStatic]
    private static int t_depth;

    private readonly int _outside;

    private DepthGuard(int outside) => _outside = outside;

    /// <summary>Goes one level deeper until the result is disposed.</summary>
    /// <exception cref="ReadingLimitException">
    /// It would be the level after <see cref="ReadingLimits.Depth"/>.
    /// </exception>
    public static DepthGuard Enter()
    {
        // The count gives the same answer everywhere; the stack is asked too, for threads that have a small one.
        if (t_depth >= ReadingLimits.Depth || !RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw new ReadingLimitException($"it is nested deeper than {ReadingLimits.Depth} levels");
        return new DepthGuard(t_depth++);
    }

    /// <summary>Comes back from the level.</summary>
    public void Dispose() => t_depth = _outside;
}
