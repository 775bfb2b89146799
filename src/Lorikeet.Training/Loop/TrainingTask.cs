using Lorikeet.Data;
using Lorikeet.Data.Batches;
using Lorikeet.Data.Datasets;
using Lorikeet.Data.Prompts;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Decoder;
using Lorikeet.Models.Distributed;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Optimization;
using Lorikeet.Models.Passes;
using Lorikeet.Training.Rollouts;

namespace Lorikeet.Training.Loop;

/// <summary>Everything a <see cref="Trainer"/> works on; nothing of it is disposed of by the trainer.</summary>
/// <param name="Model">The model with its trainable parameters attached.</param>
/// <param name="TrainRows">Rows to learn from; an epoch takes each once.</param>
/// <param name="EvalRows">Rows to score; may be empty.</param>
/// <param name="Options">The options; batches, schedule, evaluation and saving are read.</param>
/// <param name="Checkpoints">Where checkpoints go.</param>
/// <param name="Adapter">The adapter's form, written beside its weights; null when the whole model is trained.</param>
/// <param name="BaseModel">What adapter_config.json names as its base.</param>
public sealed record TrainingTask(
    DecoderModel Model, IReadOnlyList<TrainingRow> TrainRows, IReadOnlyList<TrainingRow> EvalRows,
    TrainingOptions Options,
    CheckpointFolders Checkpoints, LoraOptions? Adapter, string? BaseModel)
{
    /// <summary>Which rows make up each step.</summary>
    /// <value>
    /// Planned from the rows and options, unless the caller passes what <see cref="PlanOf"/> has planned already.
    /// </value>
    public BatchPlan Plan
    {
        get => field ??= Rollouts?.PlanOf(Options)
            ?? new BatchPlan(TrainingRow.LengthsOf(TrainRows), BatchOptions(Options, MicroBatches));
        init;
    }

    /// <summary>Where answers and their rewards come from, of which the model learns instead of the rows.</summary>
    /// <value>Null: the rows themselves are learned.</value>
    public RolloutTask? Rollouts { get; init; }

    /// <summary>The ranks that take each step together: they share its micro-batches.</summary>
    /// <value>One process.</value>
    public Communicator Ranks { get; init; } = Communicator.Alone;

    /// <summary>Micro-batches of a step, of all ranks together.</summary>
    /// <value>gradient_accumulation_steps for each rank.</value>
    public int MicroBatches
    {
        get => field > 0 ? field : Options.Optimization.GradientAccumulation * Options.Distributed.GroupsOf(Ranks.Size);
        init;
    }

    /// <summary>How the rows were written as text, kept beside the weights of every checkpoint.</summary>
    /// <value>Null: rows are token ids without a prompt format.</value>
    public PromptFormat? Format { get; init; }

    /// <summary>Every option that decides the trajectory, by name; a run that goes on must have the same.</summary>
    /// <value>Empty: a checkpoint is not held against settings.</value>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// What <see cref="Loop.BaseFingerprint.Of"/> says of the base; a run that goes on must have the same.
    /// </summary>
    /// <value>Empty: the run starts from step 0.</value>
    public string BaseFingerprint { get; init; } = "";

    /// <summary>
    /// Called before each forward pass, when nothing of the model is in use: others may use it until this returns, and
    /// leave it as it was. The parameters are those of the last finished step.
    /// </summary>
    /// <value>Null: nobody else uses the model.</value>
    public Action? BeforePass { get; init; }

    /// <summary>Makes the passes of the run, which it disposes: those of several runs together, for example.</summary>
    /// <value>Null: those of the model as it is (<see cref="TrainingPasses.Create"/>).</value>
    public Func<TrainingPassOptions, ITrainingPass>? MakePass { get; init; }

    /// <summary>
    /// Measures at every evaluation what its loss does not say: answers, forgetting. All ranks call it together.
    /// </summary>
    /// <value>Null: the loss alone.</value>
    public Func<EvaluationMetrics, EvaluationMetrics>? Measure { get; init; }

    /// <summary>Optimizer steps of the whole run: max_steps, or the epochs' steps rounded up.</summary>
    public int TotalSteps => StepsOf(Plan, Options.Optimization);

    /// <summary>Which rows make up each step of a run, planned once for the same data and options.</summary>
    /// <param name="data">The data of the run.</param>
    /// <param name="options">The options; batches, order and packing are read.</param>
    /// <param name="microBatches">Micro-batches of a step, of all ranks together.</param>
    public static BatchPlan PlanOf(TrainingData data, TrainingOptions options, int microBatches) =>
        data.PlanBatches(BatchOptions(options, microBatches));

    private static BatchPlanOptions BatchOptions(TrainingOptions options, int microBatches) => new()
    {
        BatchSize = options.Optimization.BatchSize,
        AccumulationSteps = microBatches,
        Seed = (ulong)options.Optimization.Seed,
        Shuffle = options.Data.Shuffle,
        GroupByLength = options.Data.GroupByLength,
        Sampler = options.Data.Sampler,
        PackingLength = options.Data.Packing ? options.Data.MaxLength : null,
    };

    /// <summary>Steps of a whole run.</summary>
    internal static int StepsOf(BatchPlan plan, OptimizationOptions options) =>
        options.MaxSteps ?? (int)Math.Ceiling(options.Epochs * plan.StepsPerEpoch);
}
