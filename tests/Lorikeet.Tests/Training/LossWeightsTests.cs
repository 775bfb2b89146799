using Lorikeet.Data;
using Lorikeet.Data.Batches;
using Lorikeet.Models.Passes;

namespace Lorikeet.Tests.Training;

public sealed class LossWeightsTests
{
    // Two batches of two rows; the first token of three rows has a label that nothing predicts.
    private static readonly TrainingRow[][] s_rows =
    [
        [new([1, 2, 3], [1, 2, 3]), new([1, 2], [-100, 2])],
        [new([1, 2, 3, 4], [1, -100, 3, 4]), new([1, 2, 3], [1, 2, 3])],
    ];

    [Theory]
    [InlineData(LossDenominator.Targets, 1 / 7.0, 1 / 7.0)]
    [InlineData(LossDenominator.Labels, 1 / 10.0, 1 / 10.0)]
    [InlineData(LossDenominator.Batches, 1 / 3.0 / 2, 1 / 4.0 / 2)]
    public void Share_IsThatOfTheDenominator(LossDenominator denominator, double first, double second)
    {
        Batch[] batches = [.. s_rows.Select(rows => Batch.FromRows(rows))];
        Assert.Equal([first, second], LossWeights.Of(s_rows, batches, denominator, accumulation: 2));
    }
}
