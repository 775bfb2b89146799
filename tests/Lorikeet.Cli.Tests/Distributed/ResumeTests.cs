namespace Lorikeet.Cli.Tests.Distributed;

/// <summary>A run whose rank is killed goes on with another number of ranks, as if nothing had happened.</summary>
[Collection(RankRunsCollection.Name)]
public sealed class ResumeTests
{
    private readonly RankRuns _runs;

    public ResumeTests(RankRuns runs)
    {
        RankRuns.RequireLauncher();
        _runs = runs;
    }

    [Theory]
    [InlineData(2, 1)]
    [InlineData(3, 2, Explicit = true)] // the same once more, for longer
    public void ARunInAFixedOrder_GoesOnWithAnotherNumber_ToTheSameAdapterBitForBit(int before, int after)
    {
        var run = $"from-{before}-to-{after}";
        var (_, _, code) = _runs.RunUntilStep(12, run, before, "-KILL", RankRuns.Sharing(before));
        Assert.NotEqual(0, code);

        RankRuns.Require(_runs.Train(
            run, after, [.. RankRuns.Sharing(before), "--resume_from_checkpoint", "true"]));

        Assert.Equal(_runs.Losses(_runs.Whole), _runs.Losses(run));
        Assert.Equal(_runs.Adapter(_runs.Whole), _runs.Adapter(run));
    }
}
