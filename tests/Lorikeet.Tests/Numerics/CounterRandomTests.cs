using Lorikeet.Formats;

namespace Lorikeet.Tests.Numerics;

public sealed class CounterRandomTests
{
    [Fact]
    public void Hash_IsAFixedFunction_SoThatOldRunsResume()
    {
        Assert.Equal(
            CounterRandom.Hash(42, RandomPurpose.Shuffle, 3), CounterRandom.Hash(42, RandomPurpose.Shuffle, 3));
        Assert.Equal(10994625324168415711ul, CounterRandom.Hash(42, RandomPurpose.Dropout, 1, 2, 3));
    }

    [Fact]
    public void Hash_DiffersForEveryArgument()
    {
        ulong[] hashes =
        [
            CounterRandom.Hash(1, RandomPurpose.Shuffle),
            CounterRandom.Hash(2, RandomPurpose.Shuffle),
            CounterRandom.Hash(1, RandomPurpose.Split),
            CounterRandom.Hash(1, RandomPurpose.Shuffle, 1),
            CounterRandom.Hash(1, RandomPurpose.Shuffle, 0, 1),
            CounterRandom.Hash(1, RandomPurpose.Shuffle, 0, 0, 1),
        ];
        Assert.Equal(hashes.Length, hashes.Distinct().Count());
    }

    [Fact]
    public void Uniform_HasTheMeanAndVarianceOfTheUniformDistribution()
    {
        var numbers = Enumerable.Range(0, 100_000)
            .Select(i => CounterRandom.Uniform(7, RandomPurpose.Sampling, (ulong)i)).ToArray();
        var mean = numbers.Average();
        Assert.Equal(0.5, mean, 0.005);
        Assert.Equal(1.0 / 12, numbers.Average(x => (x - mean) * (x - mean)), 0.002);
        Assert.All(numbers, x => Assert.InRange(x, 0, 1 - 1e-16));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1000)]
    public void Permutation_HoldsEveryNumberOnce(int count) =>
        Assert.Equal(Enumerable.Range(0, count), CounterRandom.Permutation(count, 99).Order());

    [Fact]
    public void Permutation_PutsEveryNumberEverywhereEquallyOften()
    {
        var counts = new int[4, 4];
        for (var key = 0ul; key < 8000; key++)
        {
            var order = CounterRandom.Permutation(4, CounterRandom.Hash(5, RandomPurpose.Shuffle, key));
            for (var i = 0; i < 4; i++)
                counts[i, order[i]]++;
        }
        foreach (var count in counts)
            Assert.InRange(count, 1800, 2200);
    }
}
