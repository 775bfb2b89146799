using Lorikeet.Data;
using Lorikeet.Models.Checkpoints;
using Lorikeet.Models.Lora;
using Lorikeet.Models.Quantization;
using Lorikeet.Training.Optimization;

namespace Lorikeet.Training;

/// <summary>
/// Everything a training run can be told: the single source of the command line, of run.yaml, of the help and of the
/// defaults. The defaults are the preset <c>recommended</c>.
/// </summary>
public sealed record TrainingOptions
{
    /// <summary>The base model and where it computes.</summary>
    public ModelOptions Model { get; init; } = new();

    /// <summary>How the frozen base is stored.</summary>
    public QuantizationOptions Quantization { get; init; } = new();

    /// <summary>The adapter.</summary>
    public LoraOptions Lora { get; init; } = new();

    /// <summary>What is learned from.</summary>
    public DataOptions Data { get; init; } = new();

    /// <summary>How it is learned.</summary>
    public OptimizationOptions Optimization { get; init; } = new();

    /// <summary>What is measured on the way.</summary>
    public EvaluationOptions Evaluation { get; init; } = new();

    /// <summary>What is written, and how often.</summary>
    public OutputOptions Output { get; init; } = new();
}
