using Lorikeet.Formats;
using Lorikeet.Training;
using Lorikeet.Training.Planning;
using static Lorikeet.Formats.Quantities;

namespace Lorikeet.Runs;

/// <summary>Events as lines of plain text, for log files and displays that only append.</summary>
public static class EventText
{
    /// <summary>The lines an event is worth; none for progress within a stage.</summary>
    /// <param name="trainingEvent">The event.</param>
    /// <param name="progress">The run up to and including this event.</param>
    public static IReadOnlyList<string> Lines(TrainingEvent trainingEvent, RunProgress progress) => trainingEvent switch
    {
        StageStarted stage => [stage.Detail.Length == 0 ? stage.Stage : $"{stage.Stage}: {stage.Detail}"],
        RunStarted { Summary: var summary } => Summary(summary),
        StepCompleted { Metrics: var metrics } => [Step(metrics, progress)],
        EvaluationCompleted { Metrics: var metrics } => [Evaluation(metrics)],
        CheckpointSaved saved => [$"step {saved.Step}: checkpoint saved in {InRun(saved.Folder)}"],
        Warning warned => [$"warning: {warned.Message}"],
        Note noted => [$"note: {noted.Message}"],
        RunCompleted { Result: var result } => [Result(result)],
        _ => [],
    };

    // Where a run lies on this machine is nobody's business who reads its log: from here, or else within the run.
    private static string InRun(string checkpoint)
    {
        var fromHere = Path.GetRelativePath(".", checkpoint);
        return Path.IsPathRooted(fromHere) || fromHere.StartsWith("..", StringComparison.Ordinal)
            ? Path.Combine(Path.GetFileName(Path.GetDirectoryName(checkpoint)) ?? "", Path.GetFileName(checkpoint))
            : fromHere;
    }

    /// <summary>What a run is about to do, a line each.</summary>
    internal static IReadOnlyList<string> Summary(RunSummary summary) =>
    [
        $"model: {Model(summary)}",
        $"trained: {Trained(summary)}",
        $"data: {Data(summary)}",
        .. summary.Plan is { DataShape: { } shape, FirstRow: { } row }
            ? [$"shape: {shape}", $"first row: {row}"]
            : Array.Empty<string>(),
        $"steps: {Steps(summary)}",
        .. summary.Plan is { } plan ? [$"plan: {PlanText.Line(plan)}"] : Array.Empty<string>(),
    ];

    /// <summary>The base and where it runs: "me/nano, 1.2M parameters, cpu, float32".</summary>
    /// <param name="summary">The run.</param>
    public static string Model(RunSummary summary) =>
        $"{summary.Model}, {Magnitude(summary.ModelParameters)} parameters, {summary.Device}";

    /// <summary>The share of the parameters that moves.</summary>
    /// <param name="summary">The run.</param>
    public static string Trained(RunSummary summary) =>
        $"{Magnitude(summary.TrainableParameters)} parameters "
        + $"({Percent((double)summary.TrainableParameters / Math.Max(1, summary.ModelParameters))} of the base)";

    /// <summary>Rows, tokens, answers and the longest row against the limit.</summary>
    /// <param name="summary">The run.</param>
    public static string Data(RunSummary summary) =>
        $"{Count(summary.TrainRows)} rows, {Count(summary.TrainTokens)} tokens, {Count(summary.TargetTokens)} of them "
        + $"answers; longest {Count(summary.LongestRow)} of at most {Count(summary.MaxLength)}"
        + (summary.EvalRows > 0 ? $"; {Count(summary.EvalRows)} rows held out" : "");

    /// <summary>Steps to do, and those done before.</summary>
    /// <param name="summary">The run.</param>
    public static string Steps(RunSummary summary) =>
        Count(summary.TotalSteps) + (summary.FirstStep > 0 ? $", resumed after step {Count(summary.FirstStep)}" : "");

    /// <summary>Why and how a run ended.</summary>
    internal static string Result(TrainingResult result)
    {
        var ending = result.Reason switch
        {
            StopReason.Completed => "completed",
            StopReason.EarlyStopping => $"stopped early, {EvaluationText.Name(result.Metric)} no longer improved,",
            StopReason.Forgetting => "stopped, the model forgot more than max_forgetting allows,",
            _ => "interrupted",
        };
        var best = EvaluationText.Best(result) is { } value ? $", best {value} at step {result.BestStep}" : "";
        return $"{ending} after {Count(result.Steps)} steps in {Duration(result.Seconds)}: "
            + $"train loss {Loss(result.TrainLoss)}{best}, {Count(result.Tokens)} tokens, "
            + $"peak memory {Bytes(result.PeakMemoryBytes)}";
    }

    private static string Step(StepMetrics metrics, RunProgress progress)
    {
        var total = progress.Summary is { } summary ? $"/{summary.TotalSteps}" : "";
        var left = progress.SecondsLeft is { } seconds ? $"  left {Clock(seconds)}" : "";
        return $"step {metrics.Step}{total}  epoch {metrics.Epoch:0.00}  loss {Loss(metrics.Loss)}"
            + Rewards(metrics.Further, "  ") + $"  grad norm {metrics.GradNorm:0.000}  lr {Rate(metrics.LearningRate)}"
            + $"  {Count((long)metrics.TokensPerSecond)} tokens/s  {Bytes(metrics.PeakMemoryBytes)}{left}";
    }

    private static string Evaluation(EvaluationMetrics metrics) =>
        $"step {metrics.Step}{(metrics.Step == 0 ? ", the base" : "")}: eval loss {Loss(metrics.Loss)}"
        + Quality(metrics, ", ") + $", {Count(metrics.Rows)} rows in {Duration(metrics.Seconds)}"
        + string.Concat(EvaluationText.Measures(metrics).Select(measure => $", {measure.Name} {measure.Value}"));

    /// <summary>What an evaluation says beside its loss: the perplexity, or how preferences are met.</summary>
    public static string Quality(EvaluationMetrics metrics, string separator) => double.IsNaN(metrics.Perplexity)
        ? Rewards(metrics.Further, separator)
        : $"{separator}perplexity {metrics.Perplexity:0.00}";

    /// <summary>
    /// The mean reward of drawn answers; of pairs, the share whose chosen answer has the larger one, and by how much.
    /// </summary>
    private static string Rewards(IReadOnlyDictionary<string, double> further, string separator) =>
        (further.TryGetValue("reward", out var reward) ? $"{separator}reward {reward:0.000}" : "")
        + (further.TryGetValue("rewards/accuracies", out var accuracy)
            ? $"{separator}accuracy {Percent(accuracy)}" : "")
        + (further.TryGetValue("rewards/margins", out var margin) ? $"{separator}margin {margin:0.000}" : "");
}
