using Lorikeet.Models.Distributed;

namespace Lorikeet.Tests.Distributed;

public sealed class LaunchedRankTests
{
    [Theory]
    [InlineData(
        "OMPI_COMM_WORLD_RANK=5 OMPI_COMM_WORLD_SIZE=8 OMPI_COMM_WORLD_LOCAL_RANK=1 OMPI_COMM_WORLD_LOCAL_SIZE=4", 5, 8,
        1, 4, true)]
    [InlineData("PMI_RANK=2 PMI_SIZE=3", 2, 3, 2, 3, true)]
    [InlineData("RANK=3 WORLD_SIZE=4 LOCAL_RANK=1 LOCAL_WORLD_SIZE=2", 3, 4, 1, 2, false)]
    [InlineData(
        "SLURM_PROCID=1 SLURM_STEP_NUM_TASKS=5 SLURM_LOCALID=1 SLURM_STEP_TASKS_PER_NODE=3,2", 1, 5, 1, 3, false)]
    [InlineData(
        "SLURM_PROCID=6 SLURM_STEP_NUM_TASKS=8 SLURM_LOCALID=2 SLURM_STEP_TASKS_PER_NODE=4(x2)", 6, 8, 2, 4, false)]
    public void Launchers_SayWhichRankThisIs(
        string variables, int rank, int size, int localRank, int localSize, bool hasMpi)
    {
        var place = LaunchedRank.Detect(Environment(variables))!;

        Assert.Equal(
            (rank, size, localRank, localSize, hasMpi),
            (place.Rank, place.Size, place.LocalRank, place.LocalSize, place.HasMpi));
    }

    [Fact]
    public void TorchrunsAddress_IsWhereRanksMeet()
    {
        var place = LaunchedRank.Detect(Environment("RANK=1 WORLD_SIZE=2 MASTER_ADDR=10.0.0.7 MASTER_PORT=1234"))!;

        Assert.Equal(("10.0.0.7", 1234), (place.MasterAddress, place.MasterPort));
        var torchruns = LaunchedRank.Detect(
            Environment("RANK=1 WORLD_SIZE=2 MASTER_PORT=1234 TORCHELASTIC_RUN_ID=none"))!;
        Assert.Equal(1235, torchruns.MasterPort); // at 1234 torchrun itself listens
    }

    [Theory]
    [InlineData("")]
    [InlineData("WORLD_SIZE=1 RANK=0")]
    [InlineData("SLURM_PROCID=0")]
    public void AProcessByItself_IsNoRank(string variables) => Assert.Null(LaunchedRank.Detect(Environment(variables)));

    [Theory]
    [InlineData("RANK=4 WORLD_SIZE=4", "RANK=4 and WORLD_SIZE=4; a rank from 0 to 3")]
    [InlineData("RANK=x WORLD_SIZE=4", "RANK=x, where a number")]
    public void WrongVariables_AreNamed(string variables, string message) =>
        Assert.Contains(
            message, Assert.Throws<ConfigurationException>(() => LaunchedRank.Detect(Environment(variables))).Message);

    [Fact]
    public void RanksOnCpusWithoutMpi_AreToldWhatToDo()
    {
        var fault = Assert.Throws<ConfigurationException>(() => Communicator.Join(
            new LaunchedRank(1, 2, 1, 2, HasMpi: false, "127.0.0.1", 1), "cpu"));

        Assert.Contains("mpirun -np N", fault.Message);
    }

    private static Func<string, string?> Environment(string variables)
    {
        var all = variables.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(one => one.Split('='))
            .ToDictionary(one => one[0], one => one[1]);
        return name => all.GetValueOrDefault(name);
    }
}
