using Lorikeet.Formats.Options;

namespace Lorikeet.Training;

/// <summary>Several processes that train one model together.</summary>
public sealed record DistributedOptions
{
    /// <summary>Processes on this machine that share each step, one a GPU: a number, or all for every GPU.</summary>
    /// <value>1. This process alone; under mpirun, srun or torchrun the launcher's number counts instead.</value>
    [Option("num_processes", "nproc_per_node", "num_gpus", Placeholder = "N|all")]
    public string Processes { get; init; } = "1";

    /// <summary>How often processes that num_processes started are started again after one of them failed.</summary>
    /// <value>0. The run ends with the failure; resume_from_checkpoint goes on with it.</value>
    [Option("max_restarts", Minimum = 0)]
    public int MaxRestarts { get; init; }
}
