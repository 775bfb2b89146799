using Lorikeet.Runs;
using Lorikeet.Runs.Reports;
using Lorikeet.Training;
using Lorikeet.Training.Planning;

namespace Lorikeet;

/// <summary>What a <see cref="TrainingRun"/> came to.</summary>
public sealed record RunResult
{
    /// <summary>Why the run ended, its steps, losses, time and memory.</summary>
    public required TrainingResult Training { get; init; }

    /// <summary>The run's folder: where checkpoints, metrics and reports lie.</summary>
    public required RunFolder Folder { get; init; }

    /// <summary>What the run was expected to take.</summary>
    public required RunPlan Plan { get; init; }

    /// <summary>Whether an adapter was trained; else all weights of the model.</summary>
    public required bool IsAdapter { get; init; }

    /// <summary>The folder with what was trained: a PEFT adapter, or a model in Hugging Face format.</summary>
    public string Output => IsAdapter ? Folder.AdapterFolder : Folder.ModelFolder;

    /// <summary>Whether the run was cancelled; its state is saved, and the next run can resume it.</summary>
    public bool IsInterrupted => Training.Reason == StopReason.Interrupted;

    /// <summary>Mean cross-entropy per predicted token over all steps, in nats.</summary>
    public double TrainLoss => Training.TrainLoss;

    /// <summary>
    /// Mean cross-entropy per predicted token of the held-out rows, in nats, of the base and of the weights that were
    /// saved; null when nothing was held out.
    /// </summary>
    public required ComparedScore? HeldOutLoss { get; init; }

    /// <summary>The evaluation of the weights that were saved; null when they were not evaluated.</summary>
    public EvaluationMetrics? Evaluation { get; init; }

    /// <summary>
    /// What the weights that were saved have forgotten of the base; null when that was not measured.
    /// </summary>
    public ProbeMetrics? Forgetting => Evaluation?.Probe;

    /// <summary>
    /// Whether the run stopped because it forgot more than <see cref="EvaluationOptions.MaxForgetting"/> allows.
    /// </summary>
    public bool ForgotTooMuch => Training.Reason == StopReason.Forgetting;

    /// <summary>
    /// Scores of the base and the tuned model: those of <see cref="TrainingRun.Comparison"/>, then what evaluations
    /// measured, the held-out loss last.
    /// </summary>
    public required IReadOnlyList<ComparedScore> Scores { get; init; }

    /// <summary>Questions with the answers before and after; empty for a run that was interrupted.</summary>
    public required IReadOnlyList<ComparedAnswer> Answers { get; init; }

    /// <summary>Questions that <see cref="TrainingRun.Comparison"/> asked.</summary>
    public required int Questions { get; init; }

    /// <summary>A question of the data, for examples.</summary>
    public required string Question { get; init; }

    /// <summary>What the user may intend but should know.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}
