using Lorikeet.Configuration;
using Lorikeet.Training;

namespace Lorikeet.Runs.Reports;

/// <summary>Picks the settings that a report shows: those that shape any result, and those that were set.</summary>
public static class ReportSettings
{
    /// <summary>Options that shape the result of every run, in the order a reader asks for them.</summary>
    internal static readonly string[] Always =
    [
        "torch_dtype", "load_in_4bit", "bnb_4bit_quant_type", "bnb_4bit_use_double_quant", "lora_r", "lora_alpha",
        "lora_dropout", "lora_target_modules", "num_train_epochs", "max_steps", "per_device_train_batch_size",
        "gradient_accumulation_steps", "learning_rate", "lr_scheduler_type", "warmup_ratio", "optim", "weight_decay",
        "max_grad_norm", "max_length", "packing", "train_on", "seed",
    ];

    // The report says these elsewhere, or they say nothing about the result.
    private static readonly string[] Never =
    [
        "model", "dataset", "output", "run_name", "overwrite_output_dir", "progress", "libtorch", "token_cache_dir",
        "dump_gradients", "resume_from_checkpoint",
    ];

    private static readonly string[] s_placeholders = ["DIR", "FILE", "PATTERNS"];

    /// <summary>The settings of a run with their origin.</summary>
    public static IReadOnlyList<ReportSetting> Of(ResolvedOptions resolved)
    {
        var catalog = OptionCatalog.Training;
        var set = catalog.Options.Select(option => option.Name)
            .Where(name => resolved.OriginOf(name).Source != OptionSource.Default);
        return [.. Always.Concat(set).Except(Never).Select(name => catalog.Find(name)!).Distinct().Select(option =>
            new ReportSetting(
                option.Name, OptionDefinition.TextOf(Shown(option, resolved.Options)),
                resolved.OriginOf(option.Name).Text))];
    }

    // A place of this machine is of no use to others, and none of their business.
    private static object? Shown(OptionDefinition option, TrainingOptions options)
    {
        var value = option.Get(options);
        return s_placeholders.Any(option.Placeholder.Contains) ? LocalPlaces.InValue(value) : value;
    }
}
