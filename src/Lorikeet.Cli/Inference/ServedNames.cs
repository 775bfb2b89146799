using Lorikeet.Configuration;
using Lorikeet.Runs;

namespace Lorikeet.Cli.Inference;

/// <summary>What served models are called when nobody says, and the base of a run that is watched.</summary>
internal static class ServedNames
{
    /// <summary>
    /// Options whose adapters all have names: one without is called as its folder, or as its run where that folder is
    /// <c>adapter</c>.
    /// </summary>
    public static InferenceOptions WithNames(InferenceOptions options)
    {
        var results = Path.GetFileName(new RunFolder("run").AdapterFolder);
        return options with
        {
            Adapters =
            [
                .. NamedAdapter.Parse(options.Adapters).Select((adapter, i) => adapter.Source == options.Adapters[i]
                    ? $"{NameOf(adapter.Source, results)}={adapter.Source}"
                    : options.Adapters[i]),
            ],
        };
    }

    /// <summary>Options that name the base of the run that is watched, where they name no model.</summary>
    /// <param name="options">The options.</param>
    /// <param name="run">The run's folder; null for none.</param>
    /// <exception cref="ConfigurationException">The folder holds no run yet.</exception>
    public static InferenceOptions WithBase(InferenceOptions options, string? run)
    {
        if (run is null || options.Model.Length > 0 || options.Adapters.Count > 0)
            return options;
        var file = new RunFolder(run).OptionsFile;
        if (!File.Exists(file))
        {
            throw new ConfigurationException(
                $"'{file}' is not there, so the base of the run is not known yet. Name it with 'model', or start the "
                + "run first.");
        }

        return options with { Model = OptionsResolver.Resolve(file, [], needsData: false).Options.Model.Model };
    }

    private static string NameOf(string source, string results)
    {
        var path = Path.TrimEndingDirectorySeparator(Path.Exists(source) ? Path.GetFullPath(source) : source);
        var name = Path.GetFileName(path);
        return name == results && Path.GetFileName(Path.GetDirectoryName(path)) is { Length: > 0 } run ? run : name;
    }
}
