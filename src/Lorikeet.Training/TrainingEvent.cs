using System.Collections.Immutable;

namespace Lorikeet.Training;

/// <summary>What a run reports while it goes on. The library writes to no console; it emits these.</summary>
public abstract record TrainingEvent;

/// <summary>An optimizer step was taken.</summary>
public sealed record StepCompleted(StepMetrics Metrics) : TrainingEvent;

/// <summary>The evaluation set was scored.</summary>
public sealed record EvaluationCompleted(EvaluationMetrics Metrics) : TrainingEvent;

/// <summary>A checkpoint is complete on disk.</summary>
public sealed record CheckpointSaved(int Step, string Folder) : TrainingEvent;

/// <summary>Something the user may intend but should know.</summary>
public sealed record Warning(string Message) : TrainingEvent;

/// <summary>Information that needs no action.</summary>
public sealed record Note(string Message) : TrainingEvent;

/// <summary>A stage of setting up (loading, quantizing, tokenizing), for display.</summary>
public sealed record StageStarted(string Stage, string Detail) : TrainingEvent;

/// <summary>How far the current stage (or an evaluation) has come, for display; may be rare or never come.</summary>
/// <param name="Done">Units done, from 0 to <paramref name="Total"/>.</param>
/// <param name="Total">Units in all: shards, tensors, rows.</param>
public sealed record StageProgressed(long Done, long Total) : TrainingEvent;

/// <summary>The run ended by itself or was asked to stop, and what it trained is saved.</summary>
public sealed record RunCompleted(TrainingResult Result) : TrainingEvent;

/// <summary>One line of <c>metrics.jsonl</c>.</summary>
/// <param name="Step">Optimizer step, from 1.</param>
/// <param name="Epoch">Passes over the data so far, fractional.</param>
/// <param name="Loss">
/// Mean cross-entropy per target token of this step, in nats; where preferences are learned, the loss of the method.
/// </param>
/// <param name="GradNorm">Global L2 norm of the gradient before clipping.</param>
/// <param name="LearningRate">The rate this step used.</param>
/// <param name="Tokens">Tokens read since the run began.</param>
/// <param name="TokensPerSecond">Tokens of this step over its duration.</param>
/// <param name="PeakMemoryBytes">Peak device memory (process memory on the CPU).</param>
public sealed record StepMetrics(
    int Step, double Epoch, double Loss, double GradNorm, double LearningRate, long Tokens, double TokensPerSecond,
    long PeakMemoryBytes)
{
    /// <summary>
    /// What the method measures besides, by TRL's names: <c>rewards/accuracies</c>, <c>logps/chosen</c>.
    /// </summary>
    public IReadOnlyDictionary<string, double> Further { get; init; } = ImmutableDictionary<string, double>.Empty;
}

/// <summary>Scores of the evaluation set during training.</summary>
/// <param name="Step">Optimizer steps done.</param>
/// <param name="Epoch">Passes over the training data so far.</param>
/// <param name="Loss">As of a step, of all rows.</param>
/// <param name="Perplexity">exp of <paramref name="Loss"/>; NaN where that is no cross-entropy.</param>
/// <param name="Rows">Rows scored.</param>
/// <param name="Targets">Target tokens scored.</param>
/// <param name="Seconds">Duration.</param>
public sealed record EvaluationMetrics(
    int Step, double Epoch, double Loss, double Perplexity, int Rows, long Targets, double Seconds)
{
    /// <inheritdoc cref="StepMetrics.Further"/>
    public IReadOnlyDictionary<string, double> Further { get; init; } = ImmutableDictionary<string, double>.Empty;

    /// <summary>What the model answered to held-out questions; null where none is asked.</summary>
    public AnswerMetrics? Answers { get; init; }

    /// <summary>What the adapter makes the model forget; null where that is not measured.</summary>
    public ProbeMetrics? Probe { get; init; }

    /// <summary>The value of a metric; null where it was not measured.</summary>
    /// <param name="metric">The metric.</param>
    public double? ValueOf(BestMetric metric) => metric switch
    {
        BestMetric.ExactMatch => Answers?.ExactMatch,
        BestMetric.F1 => Answers?.F1,
        BestMetric.RougeL => Answers?.RougeL,
        _ => Loss,
    };
}

/// <summary>Answers to held-out questions, scored; each score is from 0 to 1.</summary>
/// <param name="Questions">Questions asked, the same ones at every evaluation.</param>
/// <param name="ExactMatch">Share that equals a known answer after SQuAD's normalisation.</param>
/// <param name="F1">Mean F1 of words.</param>
/// <param name="RougeL">Mean F-measure of ROUGE-L.</param>
/// <param name="Seconds">Duration.</param>
public sealed record AnswerMetrics(int Questions, double ExactMatch, double F1, double RougeL, double Seconds);

/// <summary>What an adapter makes the model forget, measured on text that is not the task's.</summary>
/// <param name="Loss">Mean cross-entropy per token with the adapter, in nats.</param>
/// <param name="BaseLoss">The same of the base: the adapter off.</param>
/// <param name="Divergence">
/// Kullback-Leibler divergence of the tuned model from the base, in nats per token: by how much it finds what the base
/// would have said less likely.
/// </param>
/// <param name="Targets">Tokens scored.</param>
/// <param name="Seconds">Duration.</param>
public sealed record ProbeMetrics(double Loss, double BaseLoss, double Divergence, long Targets, double Seconds);

/// <summary>Why a run ended.</summary>
public enum StopReason
{
    /// <summary>All steps were done.</summary>
    Completed,

    /// <summary>Evaluations stopped improving.</summary>
    EarlyStopping,

    /// <summary>The model forgot more than <see cref="EvaluationOptions.MaxForgetting"/> allows.</summary>
    Forgetting,

    /// <summary>The user asked for it; the state was saved.</summary>
    Interrupted,
}

/// <summary>The end of a run.</summary>
/// <param name="Reason">Why it ended.</param>
/// <param name="Steps">Optimizer steps done.</param>
/// <param name="TrainLoss">Mean loss over the steps of the run, those before a resume included.</param>
/// <param name="Seconds">Training time of this process.</param>
/// <param name="Tokens">Tokens read since the run began.</param>
/// <param name="PeakMemoryBytes">Peak memory.</param>
/// <param name="BestEvalLoss">Loss of the best evaluation, if any evaluation ran.</param>
/// <param name="BestStep">The step it was made at.</param>
public sealed record TrainingResult(
    StopReason Reason, int Steps, double TrainLoss, double Seconds, long Tokens, long PeakMemoryBytes,
    double? BestEvalLoss, int? BestStep)
{
    /// <summary>What evaluations were compared by.</summary>
    public BestMetric Metric { get; init; }

    /// <summary>The value of <see cref="Metric"/> at the best evaluation, if any ran.</summary>
    public double? BestValue { get; init; }
}
