using Lorikeet.Formats;
using Lorikeet.Models.Distributed;
using Lorikeet.Models.Native;

namespace Lorikeet.Training.Loop;

/// <summary>
/// Passes over many rows that are taken again, with half as many at once, where memory does not suffice: the sums are
/// the same. Of several ranks one alone would not know what the others do, so there it is an error.
/// </summary>
/// <param name="step">Whose passes they are.</param>
/// <param name="ranks">Who takes them.</param>
/// <param name="observer">Is told.</param>
internal sealed class SmallerPasses(TrainingStep step, Communicator ranks, ITrainingObserver observer)
{
    /// <summary>Makes passes with as many rows at once as memory has room for.</summary>
    /// <param name="place">What they are for, as the beginning of a sentence.</param>
    /// <param name="rows">Rows at once, to begin with.</param>
    /// <param name="canDivide">Whether the result does not depend on which rows share a pass.</param>
    /// <param name="passes">Makes them, with so many rows at once.</param>
    /// <exception cref="DeviceException">Memory does not suffice for one row either.</exception>
    public T Take<T>(string place, int rows, bool canDivide, Func<int, T> passes)
    {
        while (true)
        {
            try
            {
                return passes(rows);
            }
            catch (Exception fault) when (FailedAllocation.Is(fault))
            {
                if (ranks.Size > 1 || rows == 1 || !canDivide)
                    throw FailedAllocation.Explain(fault, $"{place}, with {Rows(rows)} at once,");
            }

            BeginAnew(place);
            observer.Observe(new Warning(
                $"{place} needed more memory than there is with {Rows(rows)} at once. It is taken again, and the run "
                + $"goes on, with {Rows((rows + 1) / 2)} at once; which rows a step has stays the same."));
            rows = (rows + 1) / 2;
        }
    }

    private void BeginAnew(string place)
    {
        try
        {
            step.BeginAnew();
        }
        catch (Exception fault) when (FailedAllocation.Is(fault))
        {
            throw FailedAllocation.Explain(fault, $"{place}, when it was taken again,");
        }
    }

    private static string Rows(int count) => count == 1 ? "1 row" : $"{count} rows";
}
