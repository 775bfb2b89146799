using Lorikeet.Configuration;
using Lorikeet.Models.Lora;
using Lorikeet.Training;

namespace Lorikeet.Jobs;

/// <summary>The options that decide a run's trajectory, as run.yaml writes them, by name.</summary>
internal static class TrajectorySettings
{
    private const string BatchSize = "per_device_train_batch_size";
    private const string Accumulation = "gradient_accumulation_steps";

    /// <summary>Rows of a step, as the settings of a run say; null where they do not.</summary>
    public static int? RowsOfStep(IReadOnlyDictionary<string, string> settings) =>
        int.TryParse(settings.GetValueOrDefault(BatchSize), out var batch)
        && int.TryParse(settings.GetValueOrDefault(Accumulation), out var count) ? batch * count : null;

    private static readonly string[] s_groups = ["lora", "optimization", "quantization"];

    private static readonly string[] s_ofData = ["packing", "group_by_length", "shuffle", "sampler", "max_length"];

    // The number of steps counts instead of the two options that set it; how a step is divided, and in which form the
    // result is written, does not change it.
    private static readonly string[] s_without =
        ["max_steps", "num_train_epochs", "auto_find_batch_size", "pissa_convert", "precompute_ref_log_probs"];

    /// <summary>The settings of a run.</summary>
    /// <param name="options">Its options.</param>
    /// <param name="adapter">The form of an adapter that is continued, which overrides the options'.</param>
    /// <param name="microBatches">
    /// Micro-batches of a step, of all ranks together: how they share it changes nothing.
    /// </param>
    public static IReadOnlyDictionary<string, string> Of(
        TrainingOptions options, LoraOptions? adapter, int microBatches)
    {
        options = options with { Lora = adapter ?? options.Lora };
        var settings = OptionCatalog.Training.Options
            .Where(option => s_groups.Contains(option.Group) || s_ofData.Contains(option.Name)
                || (option.Group == "objective" && options.Objective.Method != TrainingMethod.Sft)
                || (options.LearnsFromRewards && option.Group == "rewards" && option.Name != "rollouts"))
            .Where(option => !s_without.Contains(option.Name))
            .ToDictionary(option => option.Name, option => option.TextIn(options));
        settings[Accumulation] = $"{microBatches}";
        if (options.Optimization.AutoFindBatchSize)
        {
            // Memory decides how a step is divided, so that is no part of the trajectory.
            settings[BatchSize] = $"{options.Optimization.BatchSize * microBatches}";
            settings[Accumulation] = "1";
        }

        return settings;
    }
}
