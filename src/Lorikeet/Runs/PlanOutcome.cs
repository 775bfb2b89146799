using System.Globalization;
using Lorikeet.Formats;
using Lorikeet.Training;
using Lorikeet.Training.Planning;
using static Lorikeet.Formats.Quantities;

namespace Lorikeet.Runs;

/// <summary>What was predicted beside what was measured.</summary>
internal static class PlanOutcome
{
    /// <summary>Before, buffers are still being made and rates still settle, so a speed would say nothing.</summary>
    private const int FewestSteps = 50;

    /// <summary>A line for memory and one for speed.</summary>
    public static IEnumerable<string> Lines(RunPlan plan, TrainingResult result, RunHistory history)
    {
        yield return $"memory: predicted {Memory(plan, result)}";
        if (Speed(plan, history) is { } speed)
            yield return $"tokens/s: predicted {speed}";
    }

    /// <summary><c>512 MiB, measured 498 MiB (-2.7 %)</c>.</summary>
    public static string Memory(RunPlan plan, TrainingResult result) =>
        $"{Bytes(plan.Memory.Total)}, measured {Bytes(result.PeakMemoryBytes)} " +
        $"({Difference(plan.Memory.Total, result.PeakMemoryBytes)})";

    /// <summary>The same of tokens a second; null when either is not known, or too few steps were taken.</summary>
    public static string? Speed(RunPlan plan, RunHistory history) =>
        plan.Speed is { } speed && history.Steps.Count >= FewestSteps && history.TokensPerSecond is { } measured
            ? $"{Count((long)speed.TokensPerSecond)}, measured {Count((long)measured)} " +
                $"({Difference(speed.TokensPerSecond, measured)})"
            : null;

    /// <summary>By how much the measurement is more than was predicted.</summary>
    private static string Difference(double predicted, double measured) =>
        ((measured / predicted - 1) * 100).ToString("+0.0;-0.0;0.0", CultureInfo.InvariantCulture) + " %";
}
