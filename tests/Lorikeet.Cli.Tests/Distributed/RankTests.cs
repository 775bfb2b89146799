namespace Lorikeet.Cli.Tests.Distributed;

/// <summary>Real ranks under a real mpirun, on CPUs.</summary>
public sealed class RankTests : IDisposable
{
    private readonly RankRuns _runs = new();

    public void Dispose() => _runs.Dispose();

    [Theory]
    [InlineData(2, 2)]
    [InlineData(4, 1)]
    public void Ranks_EqualOneProcessWithTheSameStep(int ranks, int accumulation)
    {
        RankRuns.Require(_runs.Train("one", 1, "--gradient_accumulation_steps", "4"));
        RankRuns.Require(_runs.Train("many", ranks, "--gradient_accumulation_steps", $"{accumulation}"));

        Assert.InRange(_runs.Difference("one", "many"), 0, 1e-6);
        Assert.Equal(
            _runs.Losses("one"), _runs.Losses("many"), (one, many) => Math.Abs(one - many) <= 1e-6 * Math.Abs(one));
    }

    [Fact]
    public void ADividedBase_TrainsAsAWholeOne()
    {
        RankRuns.Require(_runs.Train("whole", 1, "--gradient_accumulation_steps", "3"));
        // The last step of an epoch has fewer micro-batches than ranks: one passes through the layers for the others'
        // sake.
        RankRuns.Require(_runs.Train("divided", 3, "--gradient_accumulation_steps", "1", "--shard_base"));

        Assert.InRange(_runs.Difference("whole", "divided"), 0, 1e-6);
        Assert.Equal(
            _runs.Losses("whole"), _runs.Losses("divided"),
            (one, many) => Math.Abs(one - many) <= 1e-6 * Math.Abs(one));
    }

    [Fact]
    public void ARankThatIsKilled_StopsTheOthers_AndTheRunGoesOnWithAnotherNumber()
    {
        RankRuns.Require(_runs.Train("whole", 2, "--gradient_accumulation_steps", "3"));
        var (clock, said, code) = _runs.RunUntilStep(12, "broken", 2, "-KILL", "--gradient_accumulation_steps", "3");

        Assert.NotEqual(0, code);
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 10);
        Assert.Contains("Rank 1 on ", said);
        Assert.Contains(" died", said);
        RankRuns.Require(
            _runs.Train("broken", 3, "--gradient_accumulation_steps", "3", "--resume_from_checkpoint", "true"));
        Assert.InRange(_runs.Difference("whole", "broken"), 0, 1e-5);
    }

    [Fact]
    public void ARankThatHangs_IsNamed()
    {
        var (clock, said, code) = _runs.RunUntilStep(5, "hanging", 2, "-STOP", "--gradient_accumulation_steps", "3");

        Assert.NotEqual(0, code);
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 10);
        Assert.Contains("Rank 1 on ", said);
        Assert.Contains("has given no sign of life", said);
    }

    [Fact]
    public void ASharedRow_EqualsOneProcess()
    {
        string[] step = ["--gradient_accumulation_steps", "2"];
        RankRuns.Require(_runs.Train("one", 1, step));
        RankRuns.Require(_runs.Train("shared", 2, [.. step, "--context_parallel_size", "2"]));

        Assert.Equal(
            _runs.Losses("one"), _runs.Losses("shared"), (one, many) => Math.Abs(one - many) <= 1e-6 * Math.Abs(one));
    }

    [Fact]
    public void RanksUnderMpich_EqualThoseUnderOpenMpi()
    {
        Assert.SkipUnless(RankRuns.IsInstalled("mpiexec.mpich"), "MPICH is not installed (Debian: mpich).");
        RankRuns.Require(_runs.Train("open", 2, "--gradient_accumulation_steps", "2", "--full_determinism"));
        RankRuns.Require(_runs.TrainUnder(
            ["mpiexec.mpich", "-np", "2"], "mpich", "--gradient_accumulation_steps", "2", "--full_determinism"));

        Assert.Equal(_runs.Adapter("open"), _runs.Adapter("mpich"));
        Assert.Contains("talk over MPICH", File.ReadAllText(Path.Combine(_runs.Folder("mpich"), "log.txt")));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void DividedTraining_OfAllWeights_EqualsOneProcess(int stage)
    {
        string[] full = ["--finetuning_type", "full", "--optim", "adamw_torch"];
        RankRuns.Require(_runs.Train("one", 1, [.. full, "--gradient_accumulation_steps", "4"]));
        RankRuns.Require(
            _runs.Train("many", 4, [.. full, "--gradient_accumulation_steps", "1", "--zero_stage", $"{stage}"]));

        // Thirty steps of Adam, which divides by what is near zero, carry the rounding of the sums that far.
        Assert.Equal(
            _runs.Losses("one"), _runs.Losses("many"), (one, many) => Math.Abs(one - many) <= 1e-5 * Math.Abs(one));
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
}
