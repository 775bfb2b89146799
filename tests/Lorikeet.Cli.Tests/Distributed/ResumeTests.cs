namespace Lorikeet.Cli.Tests.Distributed;

/// <summary>A run whose rank is killed goes on with another number of ranks, as if nothing had happened.</summary>
public sealed class ResumeTests : IDisposable
{
    private readonly RankRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    [Theory]
    [InlineData(2, 1)]
    [InlineData(4, 2, Explicit = true)] // the same once more, for longer
    public void ARunInAFixedOrder_GoesOnWithAnotherNumber_ToTheSameAdapterBitForBit(int before, int after)
    {
        RankRuns.Require(_runs.Train("whole", 1, Sharing(1)));
        var (_, _, code) = _runs.RunUntilStep(12, "broken", before, "-KILL", Sharing(before));
        Assert.NotEqual(0, code);

        RankRuns.Require(_runs.Train("broken", after, [.. Sharing(before), "--resume_from_checkpoint", "true"]));

        Assert.Equal(_runs.Losses("whole"), _runs.Losses("broken"));
        Assert.Equal(_runs.Adapter("whole"), _runs.Adapter("broken"));
    }

    [Fact]
    public void ARunInAnyOrder_GoesOnWithAnotherNumber_ToTheSameAdapterButForRounding()
    {
        RankRuns.Require(_runs.Train("whole", 4, "--gradient_accumulation_steps", "1"));
        var (_, _, code) = _runs.RunUntilStep(12, "broken", 4, "-KILL", "--gradient_accumulation_steps", "1");
        Assert.NotEqual(0, code);

        RankRuns.Require(_runs.Train(
            "broken", 2, "--gradient_accumulation_steps", "1", "--resume_from_checkpoint", "true"));

        Assert.InRange(_runs.Difference("whole", "broken"), 0, 1e-6);
        Assert.Equal(
            _runs.Losses("whole"), _runs.Losses("broken"),
            (one, other) => Math.Abs(one - other) <= 1e-6 * Math.Abs(one));
    }

    /// <summary>Four micro-batches a step, however many ranks share them.</summary>
    private static string[] Sharing(int ranks) =>
        ["--gradient_accumulation_steps", $"{4 / ranks}", "--full_determinism"];
}
