using System.Globalization;

namespace Lorikeet.Models.Distributed;

/// <summary>What the launcher of several processes told this one, in variables of the environment.</summary>
/// <param name="Rank">This process among all, from 0.</param>
/// <param name="Size">How many there are.</param>
/// <param name="LocalRank">This process among those of its machine: the number of its GPU.</param>
/// <param name="LocalSize">How many the machine has.</param>
/// <param name="HasMpi">Whether MPI was started with it (mpirun, or srun with PMI).</param>
/// <param name="MasterAddress">Host of rank 0, for what has no MPI.</param>
/// <param name="MasterPort">The port at which it tells the others what they need to meet.</param>
public sealed record LaunchedRank(
    int Rank, int Size, int LocalRank, int LocalSize, bool HasMpi, string MasterAddress, int MasterPort)
{
    private const int DefaultPort = 29500; // torchrun's

    /// <summary>The variable that keeps strangers away from the port at which ranks without MPI meet.</summary>
    public const string TokenVariable = "LORIKEET_RANKS_TOKEN";

    /// <summary>Set by torchrun, which keeps a store of its own at MASTER_PORT.</summary>
    private const string Torchrun = "TORCHELASTIC_RUN_ID";

    /// <summary>Variables that hold rank, size, local rank and local size, of launchers with MPI.</summary>
    private static readonly string[][] s_withMpi =
    [
        ["OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE"],
        ["PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"],
        ["PMIX_RANK", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", "SLURM_STEP_TASKS_PER_NODE"],
    ];

    /// <summary>Those of torchrun, which Lorikeet sets too for the ranks that it starts, and Slurm's own.</summary>
    private static readonly string[][] s_withoutMpi =
    [
        ["RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"],
        ["SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", "SLURM_STEP_TASKS_PER_NODE"],
    ];

    /// <summary>What ranks without MPI have to know to meet; all have the same.</summary>
    /// <value>
    /// LORIKEET_RANKS_TOKEN; under torchrun its --rdzv_id; else empty, which any program that speaks as a rank knows.
    /// </value>
    public string Token { get; init; } = "";

    /// <summary>Whether a launcher of ranks started this process, be it the only one.</summary>
    public static bool IsLaunched { get; } =
        s_withMpi.Concat(s_withoutMpi).Any(names => Environment.GetEnvironmentVariable(names[0]) is not null
            && Environment.GetEnvironmentVariable(names[1]) is not null);

    /// <summary>The place of this process; null when no launcher started it, or it is the only one.</summary>
    /// <exception cref="ConfigurationException">A variable is no number, or a rank lies beyond the size.</exception>
    public static LaunchedRank? Detect() => Detect(Environment.GetEnvironmentVariable);

    /// <param name="variable">The environment.</param>
    internal static LaunchedRank? Detect(Func<string, string?> variable)
    {
        foreach (var (names, hasMpi) in s_withMpi.Select(names => (names, true)).Concat(
            s_withoutMpi.Select(names => (names, false))))
        {
            if (variable(names[0]) is null || Number(variable, names[1]) is not { } size)
                continue;
            return size == 1 ? null : Read(variable, names, size, hasMpi);
        }

        return null;
    }

    private static LaunchedRank Read(Func<string, string?> variable, string[] names, int size, bool hasMpi)
    {
        var rank = Number(variable, names[0])!.Value;
        if (rank < 0 || rank >= size)
            throw new ConfigurationException(
                $"The environment says {names[0]}={rank} and {names[1]}={size}; a rank from 0 to {size - 1} was "
                + "expected. Start all ranks with one launcher, or unset both.");
        var local = Number(variable, names[2]) ?? rank;
        return new LaunchedRank(
            rank, size, local, Number(variable, names[3]) ?? size, hasMpi,
            variable("MASTER_ADDR") ?? "127.0.0.1",
            (Number(variable, "MASTER_PORT") ?? DefaultPort) + (variable(Torchrun) is null ? 0 : 1))
        {
            Token = variable(TokenVariable) ?? variable(Torchrun) ?? "",
        };
    }

    /// <summary>
    /// The number at the start of a variable: Slurm writes 4(x2),3 for two nodes of four and one of three.
    /// </summary>
    private static int? Number(Func<string, string?> variable, string name)
    {
        if (variable(name) is not { Length: > 0 } text)
            return null;
        var digits = text.Split('(', ',')[0];
        return int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
            : throw new ConfigurationException(
                $"The environment says {name}={text}, where a number was expected. The launcher of the ranks sets it.");
    }
}
