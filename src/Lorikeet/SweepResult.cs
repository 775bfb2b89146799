using Lorikeet.Runs;
using Lorikeet.Training;

namespace Lorikeet;

/// <summary>What one run of a sweep came to.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Values">What it has otherwise than the others, by the names of options.</param>
/// <param name="Folder">Its folder.</param>
/// <param name="Result">Its result; null for a run that failed.</param>
/// <param name="Failure">Why it failed; null for one that did not.</param>
public sealed record SweepOutcome(
    string Name, IReadOnlyDictionary<string, string> Values, RunFolder Folder, RunResult? Result, string? Failure);

/// <summary>What the runs of a sweep came to.</summary>
public sealed record SweepResult
{
    /// <summary>The sweep's folder: in it lie the runs, the table that compares them, and what was promoted.</summary>
    public required string Folder { get; init; }

    /// <summary>The runs, in the order of the sweep.</summary>
    public required IReadOnlyList<SweepOutcome> Runs { get; init; }

    /// <summary>What the runs are compared by.</summary>
    public required BestMetric Metric { get; init; }

    /// <summary>Whether all went through the model together.</summary>
    public required bool IsTogether { get; init; }

    /// <summary>Time of all of them.</summary>
    public required double Seconds { get; init; }

    /// <summary>The best run; null when none came to an end.</summary>
    public SweepOutcome? Best => Runs
        .Where(run => run.Result is { IsInterrupted: false })
        .OrderBy(run => run.Result!.ForgotTooMuch)
        .ThenBy(run => Rank(run.Result!))
        .FirstOrDefault();

    /// <summary>The adapter of the best run, in <see cref="Folder"/>; null when there is none.</summary>
    public string? Output => Best is null ? null : Path.Combine(Folder, "adapter");

    /// <summary>Whether the sweep was cancelled; the state of its runs is saved.</summary>
    public bool IsInterrupted => Runs.Any(run => run.Result is { IsInterrupted: true });

    /// <summary>The value that a run is compared by; the loss of training where nothing was evaluated.</summary>
    /// <param name="run">A run.</param>
    public double? ValueOf(SweepOutcome run) =>
        run.Result is null ? null : run.Result.Evaluation?.ValueOf(Metric) ?? run.Result.TrainLoss;

    // Less is better; what is no number is worst.
    private double Rank(RunResult result)
    {
        var value = result.Evaluation?.ValueOf(Metric) is { } measured
            ? Metric == BestMetric.Loss ? measured : -measured
            : result.TrainLoss;
        return double.IsNaN(value) ? double.PositiveInfinity : value;
    }
}

/// <summary>Something happened in a run of a sweep.</summary>
/// <param name="Run">Its name.</param>
/// <param name="Event">What.</param>
public sealed record SweepEvent(string Run, TrainingEvent Event);
