// The order in which transformers' Trainer reads rows: torch.randperm of a CPU generator (Mersenne twister), which
// libtorch computes here too.
//
//     random           accelerate's SeedableRandomSampler: a generator seeded with seed + epoch for every epoch
//     group_by_length  LengthGroupedSampler: the global generator, seeded once; at the beginning of every epoch the
//                      DataLoader draws its base seed (64 bits) before the sampler draws the permutation
//
// Whatever else the reference run draws on the CPU between two epochs (dropout of a model that trains there, an
// evaluation that shuffles) moves the global generator, and group_by_length differs from the second epoch on.
using static TorchSharp.torch;

namespace Lorikeet.Data;

/// <summary>Permutations as transformers draws them.</summary>
/// <remarks>
/// Reference: accelerate <c>data_loader.py</c>, transformers <c>trainer_pt_utils.py</c>, torch <c>dataloader.py</c>.
/// </remarks>
internal static class TransformersOrder
{
    /// <summary>The order of an epoch's rows.</summary>
    public static int[] Random(int count, ulong seed, int epoch)
    {
        using var generator = new Generator(unchecked(seed + (ulong)epoch), CPU);
        return Permutation(count, generator);
    }

    /// <summary>The permutation that group_by_length cuts into groups.</summary>
    public static int[] BeforeGrouping(int count, ulong seed, int epoch)
    {
        using var generator = new Generator(seed, CPU);
        for (var earlier = 0; ; earlier++)
        {
            using var baseSeed = empty([1], ScalarType.Int64).random_(0, 1L << 62, generator);
            var order = Permutation(count, generator);
            if (earlier == epoch) return order;
        }
    }

    private static int[] Permutation(int count, Generator generator)
    {
        using var order = randperm(count, generator: generator);
        return [.. order.data<long>().Select(row => (int)row)];
    }
}
