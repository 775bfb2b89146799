// The order in which transformers' Trainer reads rows: torch.randperm of a CPU generator (Mersenne twister).
//
//     random           accelerate's SeedableRandomSampler: a generator seeded with seed + epoch for every epoch
//     group_by_length  LengthGroupedSampler: the global generator, seeded once; at the beginning of every epoch the
//                      DataLoader draws its base seed (64 bits) before the sampler draws the permutation
//
// Whatever else the reference run draws on the CPU between two epochs (dropout of a model that trains there, an
// evaluation that shuffles) moves the global generator, and group_by_length differs from the second epoch on.
namespace Lorikeet.Data.Batches;

/// <summary>Permutations as transformers makes them.</summary>
/// <remarks>
/// Reference: accelerate <c>data_loader.py</c>, transformers <c>trainer_pt_utils.py</c>, torch <c>dataloader.py</c>.
/// </remarks>
internal static class TransformersOrder
{
    /// <summary>The order of an epoch's rows.</summary>
    public static int[] Random(int count, ulong seed, int epoch) =>
        Permutation(count, new MersenneTwister(unchecked(seed + (ulong)epoch)));

    /// <summary>The permutation that group_by_length cuts into groups.</summary>
    public static int[] BeforeGrouping(int count, ulong seed, int epoch)
    {
        var generator = new MersenneTwister(seed);
        for (var earlier = 0; ; earlier++)
        {
            (_, _) = (generator.Draw(), generator.Draw()); // the DataLoader's base seed
            var order = Permutation(count, generator);
            if (earlier == epoch)
                return order;
        }
    }

    /// <summary>torch.randperm for fewer than 2³²/20 elements: Fisher and Yates from the front.</summary>
    private static int[] Permutation(int count, MersenneTwister generator)
    {
        int[] order = [.. Enumerable.Range(0, count)];
        for (var i = 0; i < count - 1; i++)
        {
            var other = i + (int)(generator.Draw() % (uint)(count - i));
            (order[i], order[other]) = (order[other], order[i]);
        }

        return order;
    }
}
