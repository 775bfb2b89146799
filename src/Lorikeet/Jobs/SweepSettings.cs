using Lorikeet.Configuration;
using Lorikeet.Formats.Options;
using Lorikeet.Models.Decoder;
using Lorikeet.Training;

namespace Lorikeet.Jobs;

/// <summary>What is particular to the options of runs that are a sweep.</summary>
internal static class SweepSettings
{
    /// <summary>Refuses what a sweep cannot do.</summary>
    /// <exception cref="ConfigurationException">The message says what.</exception>
    public static void Require(ResolvedSweep sweep)
    {
        var common = sweep.Common.Options;
        if (common.Model.Method != FineTuneMethod.Lora)
            throw new ConfigurationException(
                "A sweep trains adapters on one base, and 'finetuning_type' is full. Expected lora; train all weights "
                + "in runs of their own.");
        if (common.Output.DryRun)
            throw new ConfigurationException(
                "'dry_run' looks at one run, and the configuration holds a sweep. Leave 'dry_run' or 'sweep' out.");
        if (common.Distributed.Processes != "1" || common.Model.ShardBase)
            throw new ConfigurationException(
                "A sweep trains its adapters in one process, and 'num_processes' or 'shard_base' asks for several. "
                + "Leave them out, or train the runs one by one.");
        if (sweep.Members.GroupBy(member => member.Name, StringComparer.OrdinalIgnoreCase)
            .FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new ConfigurationException(
                $"Two runs of the sweep are named '{twice.Key}'. Expected a name for each.");
    }

    /// <summary>Why the runs cannot take their passes together, as the end of a sentence; null when they can.</summary>
    public static string? WhyNotTogether(ResolvedSweep sweep)
    {
        List<TrainingOptions> all = [.. sweep.Members.Select(member => member.Options.Options)];
        if (all.FirstOrDefault(options => options.Objective.Method != TrainingMethod.Sft) is { } other)
            return $"'method' {WireNames.Of(other.Objective.Method)} compares or draws answers in passes of its own";
        return all.Any(options => options.Model.OffloadLayers > 0) ? "layers wait in the host's memory" : null;
    }

    /// <summary>The options of a run, its folder among them.</summary>
    public static ResolvedOptions Of(SweepMember member, string folder)
    {
        var options = member.Options.Options;
        var relative = Path.GetRelativePath(Environment.CurrentDirectory, folder);
        return member.Options.With(options with
        {
            Output = options.Output with { OutputDir = relative, RunName = null },
        });
    }

    /// <summary>What two runs have in common that read the same rows.</summary>
    public static string DataKey(TrainingOptions options) => string.Join('\n', OptionCatalog.Training.Options
        .Where(option => option.Group == "data")
        .Select(option => $"{option.Name}: {option.TextIn(options)}"));
}
