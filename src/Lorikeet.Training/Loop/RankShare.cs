using Lorikeet.Data.Batches;
using Lorikeet.Models.Distributed;

namespace Lorikeet.Training.Loop;

/// <summary>Which batches a rank computes: of N ranks, rank r has the batches r, r + N, r + 2N ...</summary>
internal static class RankShare
{
    /// <summary>The indices of the batches, and whether the result is this rank's to add.</summary>
    /// <param name="batches">Those of all ranks; those without a predicted token are passed over.</param>
    /// <param name="ranks">The ranks.</param>
    /// <param name="everyRankPasses">
    /// Whether the ranks bring the layers of the model together and so have to make as many passes as each other: one
    /// without a batch of its own then computes another's and throws the result away.
    /// </param>
    public static IEnumerable<(int Index, bool IsOwn)> Of(
        IReadOnlyList<Batch> batches, Communicator ranks, bool everyRankPasses)
    {
        var substitute = Enumerable.Range(0, batches.Count).FirstOrDefault(i => batches[i].TargetCount > 0, -1);
        if (substitute < 0)
            yield break;
        for (var first = 0; first < batches.Count; first += ranks.Size)
        {
            var own = first + ranks.Rank;
            if (own < batches.Count && batches[own].TargetCount > 0)
                yield return (own, true);
            else if (everyRankPasses)
                yield return (substitute, false);
        }
    }
}
