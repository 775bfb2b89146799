using Lorikeet.Runs;

namespace Lorikeet.Cli.Runs;

/// <summary>What a run measured, as points of a curve.</summary>
/// <param name="Name">The run's name, and what was measured where a run has two curves.</param>
/// <param name="Points">Step and value, in order; all finite.</param>
/// <param name="IsHeldOut">Whether held-out rows were measured: a few points, not one a step.</param>
internal sealed record RunCurve(string Name, IReadOnlyList<(int Step, double Value)> Points, bool IsHeldOut)
{
    private const double GiB = 1L << 30;

    /// <summary>The values alone.</summary>
    public IReadOnlyList<double> Values => [.. Points.Select(point => point.Value)];

    /// <summary>The curves of a run; those without a point are left out.</summary>
    /// <param name="run">The run.</param>
    /// <param name="metric">What is asked for; of the loss, the smoothed one and that of held-out rows.</param>
    public static IReadOnlyList<RunCurve> Of(StoredRun run, RunMetric metric)
    {
        var history = run.History;
        IReadOnlyList<RunCurve> curves = metric switch
        {
            RunMetric.Loss => [new(run.Name, history.SmoothedLoss(), false), HeldOut($"{run.Name}, held out")],
            RunMetric.EvalLoss => [HeldOut(run.Name)],
            RunMetric.LearningRate => [Steps(step => step.LearningRate)],
            RunMetric.GradNorm => [Steps(step => step.GradNorm)],
            RunMetric.TokensPerSecond => [Steps(step => step.TokensPerSecond)],
            _ => [Steps(step => step.PeakMemoryBytes / GiB)],
        };
        return [.. curves.Where(curve => curve.Points.Count > 0)];

        RunCurve Steps(Func<Training.StepMetrics, double> value) => new(
            run.Name, [.. history.Steps.Select(step => (step.Step, value(step))).Where(IsFinite)], false);
        RunCurve HeldOut(string name) => new(
            name, [.. history.Evaluations.Select(scored => (scored.Step, scored.Loss)).Where(IsFinite)], true);
    }

    private static bool IsFinite((int Step, double Value) point) => double.IsFinite(point.Value);
}
