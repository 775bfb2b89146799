using Lorikeet.Data.Batches;

namespace Lorikeet.Training.Loop;

/// <summary>
/// Which batches a rank computes: of N ranks, rank r has the batches r, r + N, r + 2N ..., or a block of consecutive
/// ones.
/// </summary>
internal static class RankShare
{
    /// <summary>The indices of the batches, and whether the result is this rank's to add.</summary>
    /// <param name="batches">Those of all ranks; those without a predicted token are passed over.</param>
    /// <param name="ranks">The ranks that have batches of their own.</param>
    /// <param name="everyRankPasses">
    /// Whether the ranks bring the layers of the model together and so have to make as many passes as each other: one
    /// without a batch of its own then computes another's and throws the result away.
    /// </param>
    /// <param name="takesBlocks">Whether a rank's batches are consecutive.</param>
    public static IEnumerable<(int Index, bool IsOwn)> Of(
        IReadOnlyList<Batch> batches, DataRank ranks, bool everyRankPasses, bool takesBlocks = false)
    {
        var substitute = Enumerable.Range(0, batches.Count).FirstOrDefault(i => batches[i].TargetCount > 0, -1);
        if (substitute < 0)
            yield break;
        var rounds = (batches.Count + ranks.Size - 1) / ranks.Size;
        var (start, end) = (BlockStart(ranks.Rank), BlockStart(ranks.Rank + 1));
        for (var round = 0; round < rounds; round++)
        {
            var own = takesBlocks ? start + round : round * ranks.Size + ranks.Rank;
            if (own < (takesBlocks ? end : batches.Count) && batches[own].TargetCount > 0)
                yield return (own, true);
            else if (everyRankPasses)
                yield return (substitute, false);
        }

        int BlockStart(int rank) => (int)((long)batches.Count * rank / ranks.Size);
    }
}

/// <summary>A rank among those that have batches of their own; ranks that share each batch are the same one.</summary>
/// <param name="Rank">From 0.</param>
/// <param name="Size">How many.</param>
internal readonly record struct DataRank(int Rank, int Size);
