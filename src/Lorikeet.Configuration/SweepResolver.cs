using System.Text;

namespace Lorikeet.Configuration;

/// <summary>One run of a sweep.</summary>
/// <param name="Name">Its name: that of its folder.</param>
/// <param name="Values">What it has otherwise than the others, by the names of options.</param>
/// <param name="Options">All its options; its folder is chosen later.</param>
public sealed record SweepMember(string Name, IReadOnlyDictionary<string, string> Values, ResolvedOptions Options);

/// <summary>Several runs on one base.</summary>
/// <param name="Common">What all runs have.</param>
/// <param name="Members">The runs.</param>
public sealed record ResolvedSweep(ResolvedOptions Common, IReadOnlyList<SweepMember> Members);

/// <summary>
/// Reads <c>sweep:</c> of a configuration: a mapping of options to lists of values, every combination of which is a
/// run, or a list of runs with names.
/// </summary>
public static class SweepResolver
{
    internal const string Key = "sweep";

    private const string Name = "name";
    private const int MostRuns = 256;
    private const int LongestName = 60;

    // What runs on one loaded model, in one process, may have otherwise.
    private static readonly string[] s_groups = ["lora", "data", "objective", "optimization", "evaluation"];

    /// <summary>The runs of a file; null when it describes one run.</summary>
    /// <param name="configurationPath">A YAML or JSON file, or null.</param>
    /// <param name="commandLine">Settings of the command line, which hold for all runs.</param>
    /// <exception cref="ConfigurationException">Something is wrong; the message lists all of it.</exception>
    public static ResolvedSweep? Resolve(string? configurationPath, IReadOnlyList<Setting> commandLine)
    {
        if (configurationPath is null)
            return null;
        var entries = ConfigurationFile.Read(configurationPath);
        if (entries.FirstOrDefault(IsSweep) is not { } sweep)
            return null;
        var file = Path.GetFileName(configurationPath);
        var runs = RunsOf(sweep, file);
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        return new ResolvedSweep(
            OptionsResolver.Resolve(configurationPath, entries, commandLine, [], needsData: false),
            [.. runs.Select(run => new SweepMember(
                Unique(run.Name, names), run.Settings.ToDictionary(setting => setting.Name, Shown),
                OptionsResolver.Resolve(configurationPath, entries, commandLine, run.Settings, needsData: true)))]);
    }

    internal static bool IsSweep(FileEntry entry) => entry.Key.Equals(Key, StringComparison.OrdinalIgnoreCase);

    private static List<Run> RunsOf(FileEntry sweep, string file)
    {
        var runs = sweep.Items is { } items ? [.. items.Select(item => Named(item, file))]
            : sweep.Inner is { Count: > 0 } grid ? Combinations(grid, file)
            : throw new ConfigurationException(
                $"{file}:{sweep.Line}: '{Key}' holds no runs. Expected options with lists of values, such as "
                + "'learning_rate: [1e-4, 2e-4]', or a list of runs, such as '- lora_r: 8'.");
        return runs.Count is > 1 and <= MostRuns ? runs : throw new ConfigurationException(
            $"{file}:{sweep.Line}: '{Key}' comes to {runs.Count} runs. Expected from 2 to {MostRuns}.");
    }

    private static Run Named(FileEntry item, string file)
    {
        var inner = item.Inner ?? [];
        List<Setting> settings = [.. inner.Where(entry => entry.Key != Name).Select(entry => SettingOf(
            entry, entry.Value ?? throw NotAValue(entry, file), file))];
        var name = inner.FirstOrDefault(entry => entry.Key == Name)?.Value?.Display;
        return new Run(Word(name ?? NameOf(settings)), settings);
    }

    private static List<Run> Combinations(IReadOnlyList<FileEntry> grid, string file)
    {
        List<List<Setting>> runs = [[]];
        foreach (var entry in grid)
        {
            IReadOnlyList<string> values = entry.Value switch
            {
                RawValue.Sequence list => list.Items,
                RawValue.Scalar { Text: { } one } => [one],
                _ => throw NotAValue(entry, file),
            };
            runs =
            [
                .. runs.SelectMany(run => values.Select(value =>
                    run.Append(SettingOf(entry, new RawValue.Scalar(value), file)).ToList())),
            ];
            if (runs.Count > MostRuns)
                break;
        }

        // What is the same in all runs says nothing of any.
        var varied = grid.Where(entry => entry.Value is RawValue.Sequence { Items.Count: > 1 })
            .Select(entry => OptionCatalog.Training.Find(entry.Key)!.Name).ToHashSet();
        return
        [
            .. runs.Select(run => new Run(Word(NameOf(run.Where(setting => varied.Contains(setting.Name)))), run)),
        ];
    }

    private static Setting SettingOf(FileEntry entry, RawValue value, string file)
    {
        var origin = new OptionOrigin(OptionSource.File, $"{file}:{entry.Line}");
        if (OptionCatalog.Training.Find(entry.Key) is not { } option)
            throw new ConfigurationException($"{origin.Speak(entry.Key)} of the sweep is not an option."
                + (OptionCatalog.Training.Nearest(entry.Key) is { } nearest ? $" Did you mean '{nearest}'?" : ""));
        if (!s_groups.Contains(option.Group))
            throw new ConfigurationException(
                $"{origin.Speak(entry.Key)} cannot differ in the runs of a sweep, which train on one base in one "
                + $"process. Expected options of {string.Join(", ", s_groups)}; put it beside '{Key}', for all.");
        return new Setting(option.Name, value, origin) { Spelled = entry.Key };
    }

    private static ConfigurationException NotAValue(FileEntry entry, string file) => new(
        $"{file}:{entry.Line}: '{entry.Key}' of the sweep holds a mapping or nothing. Expected a value or a list of "
        + "values; a value that is a list itself is written with commas, 'q_proj,v_proj'.");

    private static string NameOf(IEnumerable<Setting> settings) =>
        string.Join("-", settings.Select(setting => $"{setting.Name}-{Shown(setting)}"));

    private static string Shown(Setting setting) => setting.Value.Display;

    /// <summary>As a folder may be named anywhere.</summary>
    private static string Word(string text)
    {
        var word = new StringBuilder();
        foreach (var character in text)
            word.Append(char.IsLetterOrDigit(character) || character is '.' or '_' or '-' ? character : '-');
        var trimmed = word.ToString().Trim('-', '.');
        return trimmed.Length == 0 ? "run" : trimmed[..Math.Min(trimmed.Length, LongestName)].TrimEnd('-', '.');
    }

    private static string Unique(string name, HashSet<string> taken)
    {
        var unique = name;
        for (var number = 2; !taken.Add(unique); number++)
            unique = $"{name}-{number}";
        return unique;
    }

    private sealed record Run(string Name, IReadOnlyList<Setting> Settings);
}
