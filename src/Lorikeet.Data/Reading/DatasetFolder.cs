using System.Text.RegularExpressions;

namespace Lorikeet.Data.Reading;

/// <summary>The files of a folder, by split, as the datasets library finds them.</summary>
/// <remarks>
/// First what the card (README.md) says; else folder and file names: <c>train-00000-of-00004.parquet</c>,
/// <c>data/test.jsonl</c>, <c>validation/a.csv</c>. Where no name says a split, everything is <c>train</c>.
/// </remarks>
internal static partial class DatasetFolder
{
    private static readonly string[] Bookkeeping =
    [
        "dataset_infos.json", "dataset_info.json", "dataset_dict.json", "state.json", "requirements.txt", "license.txt",
        "readme.txt",
    ];

    /// <summary>The files of every split, each in name order.</summary>
    /// <param name="folder">The folder; subfolders count, hidden ones do not.</param>
    /// <param name="configuration">Name of a subset, or null for the default one.</param>
    /// <param name="files">Which files count, where the user says; the card is not asked then.</param>
    public static IReadOnlyDictionary<string, IReadOnlyList<DataFile>> Splits(
        string folder, string? configuration, DatasetFiles? files = null)
    {
        var splits = files is { Patterns.Count: > 0 } or { Folder: not null }
            ? SplitsByName(OneFormat(Named(folder, files)))
            : SplitsOf(folder, configuration);
        if (splits.Count == 0)
        {
            throw new DatasetException(
                $"The folder '{folder}' holds no data file. Files ending in " +
                $"{string.Join(", ", DataFile.Formats)} (or those with .gz) were expected. {ArrowAdvice(folder)}");
        }
        return splits.ToDictionary(
            split => split.Key,
            split => (IReadOnlyList<DataFile>)
                [.. split.Value.Select(name => new DataFile(Path.Combine(folder, name)))]);
    }

    private static Dictionary<string, string[]> SplitsOf(string folder, string? configuration)
    {
        var names = DataFileNames(folder);
        if (DatasetCard.Splits(folder, configuration, names) is { } said)
            return said;

        // The hub's conversions: CONFIGURATION/SPLIT/0000.parquet.
        var configurations = names.ToLookup(name => ConvertedFile().Match(name).Groups["configuration"].Value);
        if (!configurations.Contains("") && configurations.Count > 0)
        {
            var chosen = Choose(configurations.Select(group => group.Key), configuration, folder);
            return configurations[chosen].GroupBy(name => ConvertedFile().Match(name).Groups["split"].Value)
                .ToDictionary(split => split.Key, split => split.ToArray());
        }

        if (configuration is null)
            return SplitsByName(OneFormat(names));
        var inside = names.Where(name => name.StartsWith(configuration + "/", StringComparison.Ordinal)).ToArray();
        return inside.Length > 0 ? SplitsByName(OneFormat(inside)) : throw new ConfigurationException(
            $"dataset_config is '{configuration}', and the dataset in '{folder}' has neither a configuration " +
            "(README.md) nor a folder of that name. Leave the option out, or name files with data_files.");
    }

    /// <summary>The configuration asked for, else the default one.</summary>
    /// <exception cref="ConfigurationException">
    /// There is none of that name, or several and none is the default.
    /// </exception>
    public static string Choose(IEnumerable<string> configurations, string? wanted, string folder)
    {
        var names = configurations.ToArray();
        var chosen = wanted ?? (names is [var only] ? only : "default");
        if (names.Contains(chosen))
            return chosen;
        var problem = wanted is null
            ? $"The dataset in '{folder}' has several configurations, and none of them is the default."
            : $"dataset_config is '{wanted}', and the dataset in '{folder}' has no such configuration.";
        throw new ConfigurationException(
            $"{problem} It has: {string.Join(", ", names.Order(StringComparer.Ordinal))}. " +
            "Name one of these with dataset_config.");
    }

    private static string[] Named(string folder, DatasetFiles files)
    {
        var start = files.Folder is null ? "" : files.Folder.Trim('/') + "/";
        var names = DataFileNames(folder).Where(name => name.StartsWith(start, StringComparison.Ordinal))
            .Where(name => files.Patterns.Count == 0
                || files.Patterns.Any(pattern => FilePattern.Matches(start + pattern, name)))
            .ToArray();
        var wanted = files.Patterns.DefaultIfEmpty("*").Select(pattern => start + pattern);
        return names.Length > 0 ? names : throw new DatasetException(
            $"No data file in '{folder}' is one of {string.Join(", ", wanted)}. " +
            $"It has: {string.Join(", ", DataFileNames(folder).Take(10))}. Correct data_files or data_dir.");
    }

    private static string[] DataFileNames(string folder) =>
    [
        .. FilesIn(folder)
            .Select(path => Path.GetRelativePath(folder, path).Replace('\\', '/'))
            .Where(name => !name.Split('/').Any(part => part.StartsWith('.')))
            .Where(name => DataFile.Formats.Contains(new DataFile(name).Format))
            .Where(name => !Bookkeeping.Contains(Path.GetFileName(name).ToLowerInvariant()))
            .Order(StringComparer.Ordinal),
    ];

    private static string[] FilesIn(string folder)
    {
        try
        {
            return Directory.GetFiles(folder, "*", SearchOption.AllDirectories);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new DatasetException(
                $"The folder '{folder}' cannot be read: {fault.Message} A readable folder of data files was " +
                "expected. Check its permissions and links, or name the files.", fault);
        }
    }

    /// <summary>Keeps the most frequent format, so that a stray note beside the data is not read as data.</summary>
    private static IEnumerable<string> OneFormat(string[] names) => names
        .GroupBy(name => new DataFile(name).Format)
        .OrderByDescending(group => group.Key != ".txt")
        .ThenByDescending(group => group.Count())
        .ThenBy(group => DataFile.Formats.ToList().IndexOf(group.Key))
        .FirstOrDefault() ?? Enumerable.Empty<string>();

    /// <summary>The splits that folder and file names tell; everything is <c>train</c> where they tell none.</summary>
    public static Dictionary<string, string[]> SplitsByName(IEnumerable<string> names)
    {
        var files = names.ToArray();
        var splits = files.GroupBy(SplitOf).ToDictionary(group => group.Key, group => group.ToArray());
        return splits.Count == 1 && splits.ContainsKey("") ? new() { ["train"] = files }
            : splits.Where(split => split.Key != "").ToDictionary();
    }

    /// <summary>The split a path names, its last mention first; empty when it names none.</summary>
    public static string SplitOf(string name)
    {
        // What the datasets library writes itself names the split as it is, be it train_sft.
        if (ShardedFile().Match(name) is { Success: true } sharded)
            return sharded.Groups["split"].Value;
        var word = SplitWord().Matches(name.ToLowerInvariant()).LastOrDefault()?.Value;
        return word switch
        {
            null => "",
            "train" or "training" => "train",
            "validation" or "valid" or "val" or "dev" => "validation",
            _ => "test",
        };
    }

    private static string ArrowAdvice(string folder) =>
        FilesIn(folder).Any(name => name.EndsWith(".arrow", StringComparison.OrdinalIgnoreCase))
            ? "It holds Arrow files, which save_to_disk writes; write the dataset with to_parquet or to_json instead."
            : "Name the folder that holds the data.";

    [GeneratedRegex(@"^(?<configuration>[^/]+)/(partial-)?(?<split>[^/]+)/\d{4}\.parquet$")]
    private static partial Regex ConvertedFile();

    [GeneratedRegex(@"^(.*/)?(?<split>\w+(\.\w+)*)-\d{5}-of-\d{5}")]
    private static partial Regex ShardedFile();

    [GeneratedRegex("(?<![a-z])(training|train|validation|valid|val|dev|testing|test|evaluation|eval)(?![a-z])")]
    private static partial Regex SplitWord();
}
