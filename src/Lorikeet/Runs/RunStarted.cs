using System.Text.Json.Serialization;
using Lorikeet.Training;
using Lorikeet.Training.Planning;

namespace Lorikeet.Runs;

/// <summary>The run is set up and the first step is about to begin.</summary>
public sealed record RunStarted(RunSummary Summary) : TrainingEvent;

/// <summary>What the first lines of a run show.</summary>
/// <param name="Model">Folder or hub id of the base.</param>
/// <param name="ModelParameters">Parameters of the base.</param>
/// <param name="TrainableParameters">Parameters that move.</param>
/// <param name="TrainRows">Training rows.</param>
/// <param name="EvalRows">Evaluation rows (0 when there is no evaluation).</param>
/// <param name="TargetTokens">Supervised tokens in the training rows.</param>
/// <param name="TrainTokens">All tokens in the training rows.</param>
/// <param name="LongestRow">Tokens of the longest training row.</param>
/// <param name="MaxLength">The limit rows were cut to.</param>
/// <param name="TotalSteps">Optimizer steps of the whole run.</param>
/// <param name="FirstStep">Steps already done (resumed runs), 0 otherwise.</param>
/// <param name="Device">For display: device, compute type, quantization.</param>
/// <param name="Plan">What it will take; null for a run without a plan.</param>
public sealed record RunSummary(
    string Model, long ModelParameters, long TrainableParameters, int TrainRows, int EvalRows, long TargetTokens,
    long TrainTokens, int LongestRow, int MaxLength, int TotalSteps, int FirstStep, string Device,
    [property: JsonIgnore] RunPlan? Plan = null)
{
    /// <summary>What evaluations are compared by.</summary>
    public BestMetric Metric { get; init; }
}
