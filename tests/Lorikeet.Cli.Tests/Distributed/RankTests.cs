namespace Lorikeet.Cli.Tests.Distributed;

/// <summary>Real ranks under a real mpirun, on CPUs.</summary>
[Collection(RankRunsCollection.Name)]
public sealed class RankTests
{
    private readonly RankRuns _runs;

    public RankTests(RankRuns runs)
    {
        RankRuns.RequireLauncher();
        _runs = runs;
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3, Explicit = true)] // the same once more, for longer
    public void Ranks_EqualOneProcessWithTheSameStep(int ranks)
    {
        var many = $"ranks-{ranks}";
        RankRuns.Require(_runs.Train(many, ranks, RankRuns.SharingInAnyOrder(ranks)));

        Assert.InRange(_runs.Difference(_runs.Whole, many), 0, 1e-6);
        RequireLosses(_runs.Whole, many, 1e-6);
    }

    [Fact]
    public void ADividedBase_TrainsAsAWholeOne()
    {
        // The last step of an epoch has fewer micro-batches than ranks: one passes through the layers for the other's
        // sake.
        RankRuns.Require(_runs.Train("divided", 2, [.. RankRuns.SharingInAnyOrder(2), "--shard_base"]));

        Assert.InRange(_runs.Difference(_runs.Whole, "divided"), 0, 1e-6);
        RequireLosses(_runs.Whole, "divided", 1e-6);
    }

    [Fact]
    public void ARankThatIsKilled_StopsTheOthers_AndTheRunGoesOnWithAnotherNumber()
    {
        var (clock, said, code) = _runs.RunUntilStep(12, "broken", 2, "-KILL", RankRuns.SharingInAnyOrder(2));

        Assert.NotEqual(0, code);
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 10);
        Assert.Contains("Rank 1 on ", said);
        Assert.Contains(" died", said);
        // Options as they were: three ranks would make a step of nine micro-batches, and are given the same six.
        RankRuns.Require(_runs.Train(
            "broken", 3, [.. RankRuns.SharingInAnyOrder(2), "--resume_from_checkpoint", "true"]));
        Assert.InRange(_runs.Difference(_runs.Whole, "broken"), 0, 1e-6);
        RequireLosses(_runs.Whole, "broken", 1e-6);
    }

    [Fact]
    public void ARankThatHangs_IsNamed()
    {
        var (clock, said, code) = _runs.RunUntilStep(5, "hanging", 2, "-STOP", RankRuns.SharingInAnyOrder(2));

        Assert.NotEqual(0, code);
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 10);
        Assert.Contains("Rank 1 on ", said);
        Assert.Contains("has given no sign of life", said);
    }

    [Fact]
    public void ASharedRow_EqualsOneProcess()
    {
        RankRuns.Require(
            _runs.Train("shared", 2, [.. RankRuns.SharingInAnyOrder(1), "--context_parallel_size", "2"]));

        RequireLosses(_runs.Whole, "shared", 1e-6);
    }

    [Fact]
    public void RanksUnderMpich_EqualOneProcess()
    {
        Assert.SkipUnless(RankRuns.IsInstalled("mpiexec.mpich"), "MPICH is not installed (Debian: mpich).");
        RankRuns.Require(_runs.TrainUnder(["mpiexec.mpich", "-np", "2"], "mpich", RankRuns.Sharing(2)));

        Assert.Equal(_runs.Adapter(_runs.Whole), _runs.Adapter("mpich"));
        Assert.Contains("talk over MPICH", File.ReadAllText(Path.Combine(_runs.Folder("mpich"), "log.txt")));
    }

    [Fact]
    public void DividedTraining_OfAllWeights_EqualsOneProcess()
    {
        string[] full = ["--finetuning_type", "full", "--optim", "adamw_torch"];
        RankRuns.Require(_runs.Train("full", 1, [.. full, .. RankRuns.SharingInAnyOrder(1)]));
        foreach (var stage in (int[])[1, 2])
        {
            var divided = $"full-{stage}";
            RankRuns.Require(_runs.Train(
                divided, 2, [.. full, .. RankRuns.SharingInAnyOrder(2), "--zero_stage", $"{stage}"]));

            // Thirty steps of Adam, which divides by what is near zero, carry the rounding of the sums that far.
            RequireLosses("full", divided, 1e-5);
        }
    }

    [Fact]
    public void AMistake_IsSaidByEveryRankThatFinds_AndEndsAll()
    {
        var result = _runs.Train("refused", 2, "--lora_r", "0");

        Assert.Equal(2, result.ExitCode);
        Assert.Contains("--lora_r", result.Error);
        Assert.False(Directory.Exists(_runs.Folder("refused")));
    }

    [Fact]
    public void ANumberOfRanksThatIsNone_IsRefused()
    {
        var result = CliProcess.Run([.. _runs.Arguments("x"), "--num_processes", "many"]);

        Assert.Equal(2, result.ExitCode);
        Assert.Contains("--num_processes is 'many'", result.Error);
    }

    private void RequireLosses(string one, string other, double tolerance) => Assert.Equal(
        _runs.Losses(one), _runs.Losses(other), (a, b) => Math.Abs(a - b) <= tolerance * Math.Abs(a));
}
