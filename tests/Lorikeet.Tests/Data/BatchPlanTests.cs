using Lorikeet.Data.Batches;

namespace Lorikeet.Tests.Data;

public sealed class BatchPlanTests
{
    private static int[] Lengths(int count) => [.. Enumerable.Range(0, count).Select(i => 5 + (i * 37 % 91))];

    private static int[] EpochRows(BatchPlan plan, int epoch) =>
        [
            .. Enumerable.Range(0, plan.StepsPerEpoch).SelectMany(step => plan.StepRows(epoch, step))
                .SelectMany(rows => rows)];

    [Theory]
    [InlineData(64, 4, 2, 8)]
    [InlineData(65, 4, 2, 9)]
    [InlineData(10, 4, 2, 2)]
    [InlineData(3, 4, 2, 1)]
    [InlineData(9, 4, 1, 3)]
    public void StepsPerEpoch_CountsACutOffAccumulationAsAStep(int rows, int batch, int accumulation, int steps)
    {
        var plan = new BatchPlan(Lengths(rows), new() { BatchSize = batch, AccumulationSteps = accumulation });
        Assert.Equal(steps, plan.StepsPerEpoch);
        Assert.Equal(Enumerable.Range(0, rows), EpochRows(plan, 0).Order());
    }

    [Fact]
    public void StepRows_KeepsTheLastSmallMicroBatch()
    {
        var plan = new BatchPlan(Lengths(10), new() { BatchSize = 4, AccumulationSteps = 2, Shuffle = false });
        Assert.Equal([[0, 1, 2, 3], [4, 5, 6, 7]], plan.StepRows(0, 0));
        Assert.Equal([[8, 9]], plan.StepRows(0, 1));
    }

    [Fact]
    public void StepRows_DependsOnSeedAndEpochAlone()
    {
        var options = new BatchPlanOptions { BatchSize = 3, AccumulationSteps = 2, Seed = 42 };
        var plan = new BatchPlan(Lengths(50), options);
        var resumed = new BatchPlan(Lengths(50), options);
        var expected = plan.StepRows(3, 4);
        _ = plan.StepRows(0, 0);

        Assert.Equal(expected, resumed.StepRows(3, 4));
        Assert.Equal(expected, plan.StepRows(3, 4));
        Assert.NotEqual(EpochRows(plan, 0), EpochRows(plan, 1));
        Assert.NotEqual(EpochRows(plan, 0), EpochRows(new BatchPlan(Lengths(50), options with { Seed = 43 }), 0));
    }

    [Fact]
    public void StepRows_KeepsRowOrderInEveryEpoch_WithoutShuffle()
    {
        var plan = new BatchPlan(Lengths(50), new() { BatchSize = 7, Shuffle = false });
        Assert.Equal(Enumerable.Range(0, 50), EpochRows(plan, 0));
        Assert.Equal(Enumerable.Range(0, 50), EpochRows(plan, 5));
    }

    [Fact]
    public void GroupByLength_FollowsTheLengthGroupedSampler()
    {
        // 64 rows in batches of 2 x 2: mega-batches of min(64 / 16, 50) = 4 steps, 16 rows.
        var lengths = Lengths(64);
        var plan = new BatchPlan(
            lengths, new() { BatchSize = 2, AccumulationSteps = 2, Seed = 1, GroupByLength = true });
        var ungrouped = new BatchPlan(lengths, new() { BatchSize = 2, AccumulationSteps = 2, Seed = 1 });

        var order = EpochRows(plan, 0);
        var expected = EpochRows(ungrouped, 0).Chunk(16)
            .Select(group => group.OrderByDescending(row => lengths[row]).ToArray()).ToArray();
        var longest = Enumerable.Range(0, 4).MaxBy(i => lengths[expected[i][0]]);
        (expected[0][0], expected[longest][0]) = (expected[longest][0], expected[0][0]);

        Assert.Equal(expected.SelectMany(group => group), order);
        Assert.Equal(lengths.Max(), lengths[order[0]]);
    }

    [Fact]
    public void GroupByLength_LeavesPackedSequencesAlone()
    {
        var options = new BatchPlanOptions { BatchSize = 2, PackingLength = 128, Seed = 1 };
        Assert.Equal(
            EpochRows(new BatchPlan(Lengths(200), options), 0),
            EpochRows(new BatchPlan(Lengths(200), options with { GroupByLength = true }), 0));
    }

    [Fact]
    public void Packing_NeverOverfillsAndHoldsEveryRowOnce()
    {
        var lengths = Lengths(500);
        var plan = new BatchPlan(lengths, new() { BatchSize = 1, PackingLength = 128, Seed = 9 });

        var sequences = Enumerable.Range(0, plan.StepsPerEpoch).Select(step => plan.StepRows(0, step)[0]).ToArray();
        Assert.All(sequences, rows => Assert.True(rows.Sum(row => lengths[row]) <= 128));
        Assert.Equal(Enumerable.Range(0, 500), sequences.SelectMany(rows => rows).Order());
        Assert.Equal(lengths.Sum() / (128.0 * sequences.Length), plan.FillRate, 12);
        Assert.True(plan.FillRate > 0.97, $"fill rate {plan.FillRate}");
    }

    [Fact]
    public void Packing_FindsThePerfectFit() =>
        Assert.Equal([[0, 4], [1, 3], [2]], SequencePacking.Pack([7, 6, 10, 4, 3], 10));

    [Fact]
    public void Packing_GivesALongerRowASequenceOfItsOwn() =>
        Assert.Equal([[0], [1, 2]], SequencePacking.Pack([12, 4, 6], 10));

    [Fact]
    public void Packing_KeepsRowOrder_WithoutShuffle()
    {
        var plan = new BatchPlan([4, 5, 6, 5], new() { BatchSize = 2, Shuffle = false, PackingLength = 10 });
        Assert.Equal([[0, 2, 1, 3]], plan.StepRows(0, 0));
    }

    [Fact]
    public void Repeats_TakeTheSameRowsInStepsThatFollowEachOther()
    {
        var plan = new BatchPlan(Lengths(8), new() { BatchSize = 2, Repeats = 3, Seed = 5 });
        Assert.Equal(12, plan.StepsPerEpoch);
        Assert.Equal(plan.StepRows(0, 0), plan.StepRows(0, 2));
        Assert.NotEqual(plan.StepRows(0, 2), plan.StepRows(0, 3));
    }
}
