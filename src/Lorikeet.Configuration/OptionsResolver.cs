using Lorikeet.Configuration.Dialects;
using Lorikeet.Formats;
using Lorikeet.Models.Native;
using Lorikeet.Training;

namespace Lorikeet.Configuration;

/// <summary>
/// Puts a training run's options together: defaults, then preset, then environment, then file, then command line.
/// Everything wrong with them is reported in one error.
/// </summary>
public static class OptionsResolver
{
    /// <summary>Resolves and checks the options of a run.</summary>
    /// <param name="configurationPath">A YAML or JSON file, or null.</param>
    /// <param name="commandLine">Settings of the command line.</param>
    /// <param name="needsData">Whether a dataset has to be named.</param>
    /// <exception cref="ConfigurationException">Something is wrong; the message lists all of it.</exception>
    public static ResolvedOptions Resolve(
        string? configurationPath, IReadOnlyList<Setting> commandLine, bool needsData = true) => Resolve(
            configurationPath, configurationPath is null ? [] : ConfigurationFile.Read(configurationPath), commandLine,
            [], needsData);

    /// <summary>The same of a file that is read already.</summary>
    /// <param name="configurationPath">The file, or null.</param>
    /// <param name="entries">What it holds; what it says of a sweep is no option.</param>
    /// <param name="commandLine">Settings of the command line.</param>
    /// <param name="own">What one run of a sweep has otherwise than all; it overrides the command line.</param>
    /// <param name="needsData">Whether a dataset has to be named.</param>
    internal static ResolvedOptions Resolve(
        string? configurationPath, IReadOnlyList<FileEntry> entries, IReadOnlyList<Setting> commandLine,
        IReadOnlyList<Setting> own, bool needsData)
    {
        var catalog = OptionCatalog.Training;
        var binder = new OptionBinder(catalog);
        var isSweep = entries.Any(SweepResolver.IsSweep);
        entries = [.. entries.Where(entry => !SweepResolver.IsSweep(entry))];
        var preset = ChoosePreset(catalog, entries, commandLine, binder.Problems);

        binder.Apply(preset.Entries(), $"preset {preset.Name}", OptionSource.Preset);
        if (Environment.GetEnvironmentVariable("LORIKEET_LIBTORCH") is { Length: > 0 } folder)
        {
            binder.Apply([new Setting("libtorch", new RawValue.Scalar(folder),
                new OptionOrigin(OptionSource.Environment, "environment LORIKEET_LIBTORCH"))]);
        }

        var dialect = Dialect.Recognise(entries);
        if (dialect is null)
            RequireFamiliar(catalog, entries, configurationPath);
        if (configurationPath is not null && dialect is not null)
        {
            var translation = dialect.Translate(entries, configurationPath);
            binder.Problems.AddRange(translation.Problems);
            binder.Warnings.AddRange(translation.Warnings);
            binder.Apply(translation.Defaults, $"default of {dialect.Name}", OptionSource.Preset);
            entries = translation.Entries;
        }

        if (configurationPath is not null)
            binder.Apply(entries, Path.GetFileName(configurationPath));
        binder.Apply(commandLine);
        binder.Apply(own);

        var options = WithComputeType(binder.Build<TrainingOptions>());
        if (binder.OriginOf(catalog.Find("warmup_ratio")!).IsExplicit)
            options = WithWarmupRatio(options);
        var check = new OptionsCheck(options, name => binder.OriginOf(catalog.Find(name)!), needsData);
        check.Run();
        OptionBinder.ThrowIfWrong(check.Problems);
        var resolved = new ResolvedOptions(
            options, binder.OriginOf, [.. binder.Warnings, .. check.Warnings], preset.Notes);
        if (isSweep && own.Count == 0)
            resolved = resolved.WithNote(
                $"'{SweepResolver.Key}' of {Path.GetFileName(configurationPath)} is for train.");
        return dialect is null ? resolved : resolved.WithNote(
            $"{Path.GetFileName(configurationPath)} is a configuration of {dialect.Name}. As a run.yaml of Lorikeet:\n"
            + resolved.ToShortYaml());
    }

    /// <summary>Refuses a file of something else, instead of each of its names.</summary>
    private static void RequireFamiliar(OptionCatalog catalog, IReadOnlyList<FileEntry> entries, string? file)
    {
        const int several = 2;
        const int shown = 5;
        const int compared = 50; // comparing names takes longer than all else
        if (entries.Count < several || entries.Any(entry => entry.Inner is { Count: > 0 } inner
            ? inner.Any(one => catalog.Knows(one.Key)) || catalog.Groups.Any(group => group.Name == entry.Key)
            : catalog.Knows(entry.Key)))
            return;
        if (entries.Take(compared).Any(entry => entry.Inner is not { Count: > 0 }
            && catalog.Nearest(entry.Key) is not null))
            return;
        throw new ConfigurationException(
            $"'{file}' holds no option that is known; it begins with "
            + $"{string.Join(", ", entries.Take(shown).Select(entry => $"'{VisibleText.InOneLine(entry.Key, 40)}'"))}. "
            + "A run.yaml, or a configuration of trl, axolotl, LLaMA-Factory or Unsloth was expected. Check that it is "
            + "the file you meant.");
    }

    /// <summary>
    /// QLoRA scripts often name the compute type of 4-bit weights only; here a model computes in one type.
    /// </summary>
    private static TrainingOptions WithComputeType(TrainingOptions options)
    {
        var quantization = options.Quantization;
        return options.Model.TorchDtype == ComputeType.Auto && quantization.LoadIn4Bit
            && quantization.ComputeType is ComputeType.Float32 or ComputeType.BFloat16
            ? options with { Model = options.Model with { TorchDtype = quantization.ComputeType } }
            : options;
    }

    /// <summary>
    /// No steps of warm-up beside a ratio leave the ratio in force, as in transformers' get_warmup_steps.
    /// </summary>
    private static TrainingOptions WithWarmupRatio(TrainingOptions options) => options.Optimization.WarmupSteps != 0
        ? options
        : options with { Optimization = options.Optimization with { WarmupSteps = null } };

    private static Preset ChoosePreset(
        OptionCatalog catalog, IReadOnlyList<FileEntry> entries, IReadOnlyList<Setting> commandLine,
        List<string> problems)
    {
        var option = catalog.Find("preset")!;
        var name = commandLine.LastOrDefault(setting => catalog.Find(setting.Name) == option)?.Value.Display
            ?? entries.SelectMany(entry => entry.Inner ?? [entry])
                .LastOrDefault(entry => catalog.Find(entry.Key) == option)?.Value?.Display
            ?? Preset.Recommended.Name;
        if (Preset.Find(name) is { } preset)
            return preset;
        var known = string.Join(" or ", Preset.All.Select(candidate => candidate.Name));
        problems.Add($"The preset '{name}' does not exist. Expected {known}.");
        return Preset.Recommended;
    }
}
