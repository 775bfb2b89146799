using Lorikeet.Runs;
using Lorikeet.Runs.Reports;

namespace Lorikeet.Tests.Runs;

public sealed class ChartTests
{
    [Fact]
    public void Scale_HasRoundTicksThatHoldTheValues()
    {
        var scale = new ChartScale([0.27, 3.02, 1.1], start: 100, end: 0, intervals: 5, wholeTicks: true);

        Assert.Equal([0, 1, 2, 3, 4], scale.Ticks);
        Assert.Equal(100, scale[0]);
        Assert.Equal(0, scale[4]);
        Assert.Equal(75, scale[1]);
    }

    [Theory]
    [InlineData(2.0, 2.0)]
    [InlineData(0.0, 0.0)]
    [InlineData(1e-4, 2e-4)]
    [InlineData(-3.0, 1e6)]
    public void Scale_OfAnyValues_IsFiniteAndInBounds(double low, double high)
    {
        var scale = new ChartScale([low, double.NaN, high], 0, 100, 5, wholeTicks: true);

        Assert.InRange(scale.Ticks.Count, 2, 8);
        Assert.InRange(scale[low], 0, 100);
        Assert.InRange(scale[high], 0, 100);
    }

    [Fact]
    public void Scale_OfNothing_Exists() => Assert.NotEmpty(new ChartScale([], 0, 1, 5, wholeTicks: true).Ticks);

    [Fact]
    public void Chart_BreaksTheLineAtANotANumber()
    {
        var svg = new LineChart(100, 50, value => $"{value}").Draw(
            "loss", new ChartLine("train", [(1, 1), (2, double.NaN), (3, 3), (4, 4)]));

        var path = svg.Descendants("path").Single().Attribute("d")!.Value;
        Assert.Equal(2, path.Count(letter => letter == 'M'));
        Assert.Equal(1, path.Count(letter => letter == 'L'));
    }

    [Fact]
    public void Chart_OfALongRun_StaysSmall()
    {
        var points = Enumerable.Range(1, 100_000).Select(step => ((double)step, Math.Sin(step))).ToList();

        var svg = new LineChart(720, 300, value => $"{value}").Draw("loss", new ChartLine("train", points));

        Assert.InRange(svg.ToString().Length, 5_000, 15_000);
    }

    [Fact]
    public void Sparkline_FollowsTheValues()
    {
        Assert.Equal("█▅▁", Sparkline.Of([3, 2, 1], 10));
        Assert.Equal("▁▁", Sparkline.Of([1, 1], 2));
        Assert.Equal("", Sparkline.Of([double.NaN], 10));
        Assert.Equal(10, Sparkline.Of([.. Enumerable.Range(0, 1000).Select(value => (double)value)], 10).Length);
    }
}
