using Lorikeet.Data;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Optimization;
using Lorikeet.Models.Quantization;

namespace Lorikeet.Training;

/// <summary>
/// All options of a training run: the command line, run.yaml, the help, the schema and the defaults are made from this
/// tree. The defaults are the preset <c>recommended</c>.
/// </summary>
public sealed record TrainingOptions
{
    /// <summary>The base model and where it computes.</summary>
    public ModelOptions Model { get; init; } = new();

    /// <summary>How the frozen base is stored.</summary>
    public QuantizationOptions Quantization { get; init; } = new();

    /// <summary>The adapter.</summary>
    public LoraOptions Lora { get; init; } = new();

    /// <summary>Training and held-out data: files, columns, prompts, row length.</summary>
    public DataOptions Data { get; init; } = new();

    /// <summary>Objective: answers as they are, preferences (dpo, orpo, kto), or rewards (grpo).</summary>
    public ObjectiveOptions Objective { get; init; } = new();

    /// <summary>Optimization: batches, learning rate, schedule, optimizer.</summary>
    public OptimizationOptions Optimization { get; init; } = new();

    /// <summary>Rewards (method grpo): answers that are drawn, and what they are worth.</summary>
    public RewardOptions Rewards { get; init; } = new();

    /// <summary>Evaluation during training: held-out loss, sample answers, early stopping.</summary>
    public EvaluationOptions Evaluation { get; init; } = new();

    /// <summary>Several GPUs: processes that train together.</summary>
    public DistributedOptions Distributed { get; init; } = new();

    /// <summary>Output: the run's folder, checkpoints, logging.</summary>
    public OutputOptions Output { get; init; } = new();

    /// <summary>Whether answers are drawn, or read from a file, and learned from by their rewards.</summary>
    public bool LearnsFromRewards => Objective.Method == TrainingMethod.Grpo;
}
