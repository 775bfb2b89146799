using Lorikeet.Configuration;
using Lorikeet.Models.Decoder;
using Lorikeet.Runs;
using Lorikeet.Training;
using Lorikeet.Training.Loop.HuggingFaceTrainer;
using Lorikeet.Training.Planning;

namespace Lorikeet.Jobs;

/// <summary>
/// Completes the options of a run with defaults that depend on others: its folder, the form of its checkpoint.
/// </summary>
internal static class RunSettings
{
    /// <summary>The options with a folder, so that run.yaml names it and is enough to resume.</summary>
    /// <param name="resolved">The options as they were given.</param>
    /// <param name="clock">Names a new folder.</param>
    public static ResolvedOptions Settle(ResolvedOptions resolved, TimeProvider clock) =>
        WithFormOfCheckpoint(WithFolder(resolved, clock));

    /// <summary>The folder of the run a checkpoint belongs to: RUN/checkpoints/step-000100.</summary>
    public static string? RunOf(string? checkpoint)
    {
        var parent = checkpoint is null ? null : Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(checkpoint));
        return Path.GetFileName(parent) == "checkpoints" ? Path.GetDirectoryName(parent) : null;
    }

    /// <summary>The batches that were planned.</summary>
    public static ResolvedOptions WithBatches(ResolvedOptions resolved, RunPlan plan) =>
        resolved.With(resolved.Options with
        {
            Optimization = resolved.Options.Optimization with
            {
                BatchSize = plan.BatchSize,
                GradientAccumulation = plan.GradientAccumulation,
            },
        });

    private static ResolvedOptions WithFolder(ResolvedOptions resolved, TimeProvider clock)
    {
        var options = resolved.Options;
        if (options.Output.OutputDir is not null)
            return resolved;
        var folder = RunOf(options.Output.ResumeFromCheckpoint)
            ?? (options.Output.RunName is { } name ? Path.Combine("runs", name) : null)
            ?? RunFolder.Named(
                options.Model.Model, options.Rewards.Rollouts ?? options.Data.Datasets[0], clock).Folder;
        var relative = Path.GetRelativePath(Environment.CurrentDirectory, folder);
        return resolved.With(options with { Output = options.Output with { OutputDir = relative } });
    }

    /// <summary>
    /// What transformers' Trainer began keeps the form of its adapter, which run.yaml names from then on.
    /// </summary>
    private static ResolvedOptions WithFormOfCheckpoint(ResolvedOptions resolved)
    {
        var options = resolved.Options;
        if (options.Model is not { Method: FineTuneMethod.Lora, Adapter: null })
            return resolved;
        return HuggingFaceCheckpoint.Locate(options.Output.ResumeFromCheckpoint) is { } folder
            ? resolved.With(options with { Model = options.Model with { Adapter = folder } })
            : resolved;
    }
}
