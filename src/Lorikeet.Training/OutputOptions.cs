using Lorikeet.Formats.Options;
using Lorikeet.Training.Loop;

namespace Lorikeet.Training;

/// <summary>Output: the run's folder, checkpoints, logging.</summary>
public sealed record OutputOptions
{
    /// <summary>Named values to start from: recommended, or seed-2023 (the settings of the 2023 tutorial).</summary>
    /// <value>recommended. These defaults, each with its reason.</value>
    [Option("preset")]
    public string Preset { get; init; } = "recommended";

    /// <summary>Folder of the run.</summary>
    /// <value>Not set: runs/NAME in the current folder.</value>
    [Option("output", "output_dir", Placeholder = "DIR", Output = OutputKind.Folder,
        Apart = "a run's folder is written")]
    public string? OutputDir { get; init; }

    /// <summary>Name of the run.</summary>
    /// <value>Not set: the output folder's name, else one made of model, dataset and time.</value>
    [Option("run_name")]
    public string? RunName { get; init; }

    /// <summary>Replace what an earlier run left in the output folder.</summary>
    /// <value>Off: hours of training are not deleted by a repeated command.</value>
    [Option("overwrite_output_dir")]
    public bool Overwrite { get; init; }

    /// <summary>Optimizer steps between reported lines; metrics.jsonl has every step.</summary>
    /// <value>10. Frequent enough to see a run go wrong within a minute.</value>
    [Option("logging_steps", Minimum = 1)]
    public int LoggingSteps { get; init; } = 10;

    /// <summary>When checkpoints are saved.</summary>
    /// <value>steps. Every save_steps, and always at the end and when interrupted.</value>
    [Option("save_strategy")]
    public IntervalStrategy SaveStrategy { get; init; } = IntervalStrategy.Steps;

    /// <summary>Optimizer steps between checkpoints.</summary>
    /// <value>100. An adapter's checkpoint is small; a crash costs at most these steps.</value>
    [Option("save_steps", Minimum = 1)]
    public int SaveSteps { get; init; } = 100;

    /// <summary>Checkpoints to keep: the newest, and the best one besides.</summary>
    /// <value>3. One to resume from, one in case it is damaged, one to look back at. -1 keeps all.</value>
    [Option("save_total_limit", Minimum = 1, Unset = "-1")]
    public int? SaveTotalLimit { get; init; } = 3;

    /// <summary>Add optimizer.pt and scheduler.pt to checkpoints, for transformers' Trainer to go on from.</summary>
    /// <value>Off: Lorikeet goes on from its own files, and these would double a checkpoint's size.</value>
    [Option("save_trainer_files")]
    public bool SaveTrainerFiles { get; init; }

    /// <summary>
    /// Continue a run: a checkpoint folder, or latest (true means the same) for the newest one. A checkpoint of
    /// transformers' Trainer begins a new run folder.
    /// </summary>
    /// <value>Not set: a new run.</value>
    [Option("resume_from_checkpoint", "resume", Bare = "latest", Unset = "false",
        Placeholder = "DIR|latest")]
    public string? ResumeFromCheckpoint { get; init; }

    /// <summary>
    /// Where metrics go besides metrics.jsonl: tensorboard, mlflow (the server that MLFLOW_TRACKING_URI names), or
    /// none.
    /// </summary>
    /// <value>tensorboard. Event files cost nothing, and TensorBoard shows them beside runs of transformers.</value>
    [Option("report_to", Placeholder = "NAMES")]
    public IReadOnlyList<MetricSink> ReportTo { get; init; } = [MetricSink.TensorBoard];

    /// <summary>How progress is shown.</summary>
    /// <value>auto. A live display in a terminal, plain lines elsewhere.</value>
    [Option("progress")]
    public ProgressMode Progress { get; init; } = ProgressMode.Auto;

    /// <summary>How the runs of a sweep go through the model.</summary>
    /// <value>auto. Together, where that can be: the base is then read once for all of them.</value>
    [Option("sweep_mode")]
    public SweepMode SweepMode { get; init; } = SweepMode.Auto;

    /// <summary>Check everything, take one step, save nothing.</summary>
    /// <value>Off.</value>
    [Option("dry_run")]
    public bool DryRun { get; init; }

    /// <summary>Write the gradients of the first optimizer step, before clipping, to this safetensors file.</summary>
    /// <value>Not set; it is there to compare with other implementations.</value>
    [Option("dump_gradients", Placeholder = "FILE", Output = OutputKind.File)]
    public string? DumpGradients { get; init; }
}

/// <summary>How several runs on one base are trained.</summary>
public enum SweepMode
{
    /// <summary>Together where that can be, else in turn.</summary>
    Auto,

    /// <summary>All at once: the rows of all adapters go through the base in one pass.</summary>
    Together,

    /// <summary>One after the other on the loaded base, which takes the memory of one.</summary>
    InTurn,
}

/// <summary>Where metrics can go.</summary>
public enum MetricSink
{
    /// <summary>TensorBoard event files with the tags of transformers.</summary>
    [WireName("tensorboard", "all")] TensorBoard,

    /// <summary>An MLflow server, by its REST API.</summary>
    Mlflow,

    /// <summary>No tracker: metrics.jsonl only.</summary>
    None,
}

/// <summary>How progress is shown.</summary>
public enum ProgressMode
{
    /// <summary>Rich in a terminal, plain elsewhere.</summary>
    Auto,

    /// <summary>A live display, which redraws itself on a terminal.</summary>
    Rich,

    /// <summary>A line a report.</summary>
    Plain,

    /// <summary>One JSON object an event, a line each, on standard error (standard output is for results).</summary>
    Json,

    /// <summary>No progress is shown.</summary>
    None,
}
