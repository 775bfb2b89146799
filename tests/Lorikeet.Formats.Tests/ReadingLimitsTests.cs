namespace Lorikeet.Formats.Tests;

public sealed class ReadingLimitsTests
{
    [Theory]
    [InlineData(0, 64L << 20)]
    [InlineData(1000, (64L << 20) + 4000)]
    [InlineData(long.MaxValue / 2, long.MaxValue)]
    public void Bytes_AreThoseOfTheRule(long input, long expected) =>
        Assert.Equal(expected, ReadingLimits.Bytes(input));

    [Fact]
    public void Take_Refuses_WhatTheInputCannotExplain()
    {
        var budget = new ByteBudget(100);
        budget.Take(ReadingLimits.Bytes(100) - 1);
        budget.Take(1);

        Assert.Throws<ReadingLimitException>(() => budget.Take(1));
        Assert.Throws<ReadingLimitException>(() => budget.Take(long.MaxValue));
    }

    [Fact]
    public void Enter_Refuses_TheLevelAfterTheLast()
    {
        Assert.Equal(ReadingLimits.Depth, Descend(ReadingLimits.Depth));
        Assert.Throws<ReadingLimitException>(() => Descend(ReadingLimits.Depth + 1));
        Assert.Equal(ReadingLimits.Depth, Descend(ReadingLimits.Depth));
    }

    [Fact]
    public void Enter_Refuses_BeforeASmallStackIsFull()
    {
        Exception? fault = null;
        var thread = new Thread(
            () => fault = Record.Exception(() => DescendWithLargeFrames(ReadingLimits.Depth)), 256 * 1024);
        thread.Start();
        thread.Join();

        Assert.IsType<ReadingLimitException>(fault);
    }

    private static int Descend(int levels)
    {
        if (levels == 0)
            return 0;
        using var level = DepthGuard.Enter();
        return 1 + Descend(levels - 1);
    }

    private static int DescendWithLargeFrames(int levels)
    {
        using var level = DepthGuard.Enter();
        Span<byte> frame = stackalloc byte[4096];
        frame[levels & 4095] = 1;
        return levels == 0 ? frame[0] : frame[levels & 4095] + DescendWithLargeFrames(levels - 1);
    }
}
