using Lorikeet.Hub.ModelCards;
using Lorikeet.Hub.Yaml;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Lorikeet.Data.Reading;

/// <summary>
/// What the YAML at the head of a dataset's README.md says of its files: <c>configs</c>, each a <c>config_name</c> and
/// <c>data_files</c> (a pattern, a list of patterns, or a list of split and path).
/// </summary>
internal static class DatasetCard
{
    /// <summary>File names by split, or null when the card does not say.</summary>
    /// <param name="folder">Folder of the dataset.</param>
    /// <param name="configuration">Name of the subset, or null for the default one.</param>
    /// <param name="names">Data files of the folder, relative to it.</param>
    public static Dictionary<string, string[]>? Splits(string folder, string? configuration, string[] names)
    {
        var configurations = Configurations(Path.Combine(folder, "README.md"));
        if (configurations.Count == 0)
            return null;
        var chosen = Choose(configurations, configuration, folder);
        var start = Text(chosen, "data_dir") is { } subfolder ? subfolder.Trim('/') + "/" : "";
        if (start.Length > 0 && Child(chosen, "data_files") is null)
            return DatasetFolder.SplitsByName(names.Where(name => name.StartsWith(start, StringComparison.Ordinal)));

        var splits = new Dictionary<string, string[]>();
        foreach (var (split, patterns) in DataFiles(chosen))
        {
            var files = names.Where(name => patterns.Any(pattern => FilePattern.Matches(start + pattern, name)))
                .ToArray();
            if (files.Length > 0)
                splits[split] = files;
        }
        return splits.Count > 0 ? splits : null;
    }

    private static List<YamlMappingNode> Configurations(string readme)
    {
        if (!File.Exists(readme) || CardText.ReadHead(readme) is not { } head)
            return [];
        try
        {
            return GuardedYaml.ReadMapping(head) is { } root && Child(root, "configs") is YamlSequenceNode items
                ? [.. items.OfType<YamlMappingNode>()]
                : [];
        }
        catch (YamlNameException fault)
        {
            throw new DatasetException(
                $"{readme}:{fault.Start.Line + 1}: {fault.Message}. Correct the card, or name the files with " +
                "data_files.", fault);
        }
        catch (YamlException)
        {
            // A card is written for people; file names say enough where its head is not YAML.
            return [];
        }
    }

    private static YamlMappingNode Choose(List<YamlMappingNode> configurations, string? name, string folder)
    {
        string Name(YamlMappingNode item) => Text(item, "config_name") ?? "default";
        name ??= configurations.Find(item => Text(item, "default") == "true") is { } preferred ? Name(preferred) : null;
        var chosen = DatasetFolder.Choose(configurations.Select(Name), name, folder);
        return configurations.Find(item => Name(item) == chosen)!;
    }

    private static IEnumerable<(string Split, string[] Patterns)> DataFiles(YamlMappingNode configuration) =>
        Child(configuration, "data_files") switch
        {
            YamlSequenceNode items when items.All(item => item is YamlMappingNode) =>
                items.Cast<YamlMappingNode>()
                    .Select(item => (Text(item, "split") ?? "train", Strings(Child(item, "path")))),
            YamlMappingNode splits =>
                splits.Select(split => (((YamlScalarNode)split.Key).Value ?? "train", Strings(split.Value))),
            null => [],
            var patterns => [("train", Strings(patterns))],
        };

    private static string[] Strings(YamlNode? node) => node switch
    {
        YamlScalarNode { Value: { } text } => [text],
        YamlSequenceNode items => [.. items.OfType<YamlScalarNode>().Select(item => item.Value ?? "")],
        _ => [],
    };

    private static YamlNode? Child(YamlMappingNode node, string key) =>
        node.Children.TryGetValue(new YamlScalarNode(key), out var child) ? child : null;

    private static string? Text(YamlMappingNode node, string key) => (Child(node, key) as YamlScalarNode)?.Value;
}
