using Lorikeet.Models.Passes.Decoding;
using Lorikeet.Models.Passes.Decoding.Cuda;

namespace Lorikeet.Tests.Optimized;

/// <summary>Which parts of a step attend in one launch.</summary>
public sealed class PartRangeTests
{
    [Fact]
    public void NeighboursOfAKind_AreOneRange()
    {
        var ranges = PartRange.Of(Parts((16, 16), (40, 100), (1, 7), (15, 900), (64, 64)), mostGathered: 4096);
        Assert.Equal(
            [
                new PartRange(0, 2, FirstRow: 0, Rows: 56, MostRows: 40, Tokens: 116, MostTokens: 100, IsLong: true),
                new PartRange(2, 2, FirstRow: 56, Rows: 16, MostRows: 15, Tokens: 907, MostTokens: 900, IsLong: false),
                new PartRange(4, 1, FirstRow: 72, Rows: 64, MostRows: 64, Tokens: 64, MostTokens: 64, IsLong: true),
            ],
            ranges);
    }

    [Fact]
    public void WhatIsGathered_HasALimit_ButForOneSequenceAlone()
    {
        var ranges = PartRange.Of(Parts((20, 60), (20, 40), (20, 20), (20, 500), (20, 20)), mostGathered: 100);
        Assert.Equal([2, 1, 1, 1], ranges.Select(range => range.Count));
        Assert.Equal([100, 20, 500, 20], ranges.Select(range => range.Tokens));
    }

    [Fact]
    public void ShortParts_AreNotGathered_AndHaveNoLimit() =>
        Assert.Equal(50, Assert.Single(PartRange.Of(Parts([.. Enumerable.Repeat((1, 500), 50)]), 100)).Rows);

    private static SequencePart[] Parts(params (int Rows, int Length)[] parts)
    {
        var row = 0;
        return [.. parts.Select(part => new SequencePart((row += part.Rows) - part.Rows, part.Rows, part.Length))];
    }
}
