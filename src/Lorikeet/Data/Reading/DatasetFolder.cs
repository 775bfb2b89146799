using System.Text.RegularExpressions;

namespace Lorikeet.Data.Reading;

/// <summary>The files of a folder, by split, as the datasets library finds them.</summary>
/// <remarks>
/// First what the card (README.md) says; else folder and file names: <c>train-00000-of-00004.parquet</c>,
/// <c>data/test.jsonl</c>, <c>validation/a.csv</c>. Where no name tells a split, everything is <c>train</c>.
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
    /// <param name="configuration">Name of a subset in the card, or null for the default one.</param>
    public static IReadOnlyDictionary<string, IReadOnlyList<DataFile>> Splits(string folder, string? configuration)
    {
        var names = DataFileNames(folder);
        var splits = DatasetCard.Splits(folder, configuration, names) ?? SplitsByName(OneFormat(names));
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

    private static string[] DataFileNames(string folder) =>
    [
        .. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(folder, path).Replace('\\', '/'))
            .Where(name => !name.Split('/').Any(part => part.StartsWith('.')))
            .Where(name => DataFile.Formats.Contains(new DataFile(name).Format))
            .Where(name => !Bookkeeping.Contains(Path.GetFileName(name).ToLowerInvariant()))
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>Keeps the most frequent format, so that a stray note beside the data is not read as data.</summary>
    private static IEnumerable<string> OneFormat(string[] names) => names
        .GroupBy(name => new DataFile(name).Format)
        .OrderByDescending(group => group.Key != ".txt")
        .ThenByDescending(group => group.Count())
        .ThenBy(group => DataFile.Formats.ToList().IndexOf(group.Key))
        .FirstOrDefault() ?? Enumerable.Empty<string>();

    private static Dictionary<string, string[]> SplitsByName(IEnumerable<string> names)
    {
        var files = names.ToArray();
        var splits = files.GroupBy(SplitOf).ToDictionary(group => group.Key, group => group.ToArray());
        return splits.Count == 1 && splits.ContainsKey("") ? new() { ["train"] = files }
            : splits.Where(split => split.Key != "").ToDictionary();
    }

    /// <summary>The split a path names, its last mention first; empty when it names none.</summary>
    private static string SplitOf(string name)
    {
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
        Directory.EnumerateFiles(folder, "*.arrow", SearchOption.AllDirectories).Any()
            ? "It holds Arrow files, which save_to_disk writes; write the dataset with to_parquet or to_json instead."
            : "Name the folder that holds the data.";

    [GeneratedRegex("(?<![a-z])(training|train|validation|valid|val|dev|testing|test|evaluation|eval)(?![a-z])")]
    private static partial Regex SplitWord();
}
