using Lorikeet.Training;

namespace Lorikeet.Jobs;

/// <summary>Says that a run is too short to teach anything, where the user may not have meant it.</summary>
internal static class FewSteps
{
    private const int Enough = 20;

    /// <summary>The note; null where there are enough steps, or where the user gave their number.</summary>
    /// <param name="steps">Steps of the whole run.</param>
    /// <param name="rows">Training rows.</param>
    /// <param name="options">The run's options.</param>
    /// <param name="microBatches">Micro-batches of a step, of all ranks together.</param>
    public static string? Note(int steps, int rows, TrainingOptions options, int microBatches)
    {
        var optimization = options.Optimization;
        if (steps >= Enough || optimization.MaxSteps is not null || options.Output.DryRun)
            return null;
        var together = optimization.BatchSize * microBatches;
        return $"{steps} optimizer {(steps == 1 ? "step" : "steps")} in all ({rows} rows, {together} to a step, " +
            $"num_train_epochs {optimization.Epochs:0.##}): so few teach next to nothing. Give more rows, raise " +
            $"num_train_epochs, or lower gradient_accumulation_steps ({optimization.GradientAccumulation} now) or " +
            $"per_device_train_batch_size ({optimization.BatchSize} now).";
    }
}
