using Lorikeet.Formats.Options;

namespace Lorikeet.Training;

/// <summary>Several processes that train one model together.</summary>
public sealed record DistributedOptions
{
    /// <summary>Processes on this machine that share each step, one a GPU: a number, or all for every GPU.</summary>
    /// <value>1. This process alone; under mpirun, srun or torchrun the launcher's number counts instead.</value>
    [Option("num_processes", "nproc_per_node", "num_gpus", Placeholder = "N|all")]
    public string Processes { get; init; } = "1";

    /// <summary>
    /// Sum the gradients of a step in an order that does not depend on the number of processes: any number gives the
    /// same result to the bit, where each computes a micro-batch to the bit (on CPUs, with as many threads:
    /// OMP_NUM_THREADS).
    /// </summary>
    /// <value>
    /// Off: results of another number of processes differ by rounding. On, a few more buffers as large as the
    /// gradients.
    /// </value>
    [Option("full_determinism")]
    public bool FixedOrder { get; init; }

    /// <summary>
    /// What ranks divide among themselves of what is trained (ZeRO): at 1 the optimizer's state, at 2 the gradients
    /// too.
    /// </summary>
    /// <value>0: each rank holds all of it. For full fine-tuning, whose state is larger than the model.</value>
    [Option("zero_stage", Minimum = 0, Maximum = 2)]
    public int ZeroStage { get; init; }

    /// <summary>
    /// Processes that share each batch, every one with a part of its tokens and all weights (context parallelism): for
    /// rows too long for one device. Divides the number of processes and the heads of the model.
    /// </summary>
    /// <value>1: each process has batches of its own.</value>
    [Option("context_parallel_size", Minimum = 1)]
    public int ContextParallel { get; init; } = 1;

    /// <summary>How often processes that num_processes started are started again after one of them failed.</summary>
    /// <value>0. The run ends with the failure; resume_from_checkpoint goes on with it.</value>
    [Option("max_restarts", Minimum = 0)]
    public int MaxRestarts { get; init; }

    /// <summary>How many groups of <see cref="ContextParallel"/> ranks have batches of their own.</summary>
    /// <param name="ranks">All ranks.</param>
    /// <exception cref="ConfigurationException">They cannot be divided so.</exception>
    public int GroupsOf(int ranks) => ranks % ContextParallel == 0 ? ranks / ContextParallel
        : throw new ConfigurationException(
            $"'context_parallel_size' is {ContextParallel}, and there are {ranks} processes. Expected a number that "
            + "divides them: start more processes (num_processes, mpirun, srun, torchrun), or give a smaller number.");
}
