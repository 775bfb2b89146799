using Lorikeet.Data;
using Lorikeet.Data.Batches;

namespace Lorikeet.Tests.Data;

public sealed class BatchTests
{
    private const int Ignored = TrainingRow.Ignored;

    [Fact]
    public void FromRows_LaysRowsEndToEnd()
    {
        var batch = Batch.FromRows([new([1, 5, 6], [Ignored, 5, 6]), new([1, 7], [Ignored, 7])]);

        Assert.Equal([1, 5, 6, 1, 7], batch.Ids);
        Assert.Equal([Ignored, 5, 6, Ignored, 7], batch.Labels);
        Assert.Equal([0, 3, 5], batch.SegmentStarts);
        Assert.Equal(3, batch.TargetCount);
        Assert.Equal(2, batch.SegmentCount);
    }

    [Fact]
    public void FromRows_NeverTrainsTheFirstTokenOfARow_BecauseTheRowBeforeWouldPredictIt()
    {
        var batch = Batch.FromRows([new([1, 5], [1, 5]), new([1, 7], [1, 7])]);

        Assert.Equal([Ignored, 5, Ignored, 7], batch.Labels);
        Assert.Equal(2, batch.TargetCount);
    }

    [Fact]
    public void FromRows_LeavesTheRowsAsTheyWere()
    {
        var row = new TrainingRow([1, 5], [1, 5]);
        _ = Batch.FromRows([row]);
        Assert.Equal([1, 5], row.Labels);
    }

    [Fact]
    public void FromRows_RefusesRowsThatCannotBeTrained()
    {
        Assert.Throws<ArgumentException>(() => Batch.FromRows([]));
        Assert.Throws<ArgumentException>(() => Batch.FromRows([new([], [])]));
        Assert.Throws<ArgumentException>(() => Batch.FromRows([new([1, 2], [1])]));
    }
}
