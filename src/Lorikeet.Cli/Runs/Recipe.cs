using System.Reflection;

namespace Lorikeet.Cli.Runs;

/// <summary>
/// A run that was made and measured, as a run.yaml that says what came of it: lines "# name: value" at its head.
/// </summary>
/// <param name="Name">What it is called.</param>
/// <param name="Text">The run.yaml, its head included.</param>
internal sealed record Recipe(string Name, string Text)
{
    private const string Folder = "Lorikeet.Cli.Recipes.";
    private const string Ending = ".yaml";

    /// <summary>All recipes, the smallest first.</summary>
    public static IReadOnlyList<Recipe> All { get; } =
    [
        .. Assembly.GetExecutingAssembly().GetManifestResourceNames()
            .Where(name => name.StartsWith(Folder, StringComparison.Ordinal)).Select(Read)
            .OrderBy(recipe => recipe["order"], StringComparer.Ordinal),
    ];

    /// <summary>What it does, in a sentence.</summary>
    public string Title => this["title"];

    /// <summary>Where it was measured.</summary>
    public string Machine => this["machine"];

    /// <summary>How long it took there, or how fast it was.</summary>
    public string Time => this["time"];

    /// <summary>The most memory it took.</summary>
    public string Memory => this["memory"];

    /// <summary>What it came to.</summary>
    public string Score => this["score"];

    /// <summary>A value of the head.</summary>
    private string this[string name] => Text.Split('\n').TakeWhile(line => line.StartsWith('#'))
        .Select(line => line[1..].Split(':', 2, StringSplitOptions.TrimEntries))
        .First(parts => parts[0] == name)[1];

    private static Recipe Read(string resource)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(resource)!;
        using var reader = new StreamReader(stream);
        return new Recipe(resource[Folder.Length..^Ending.Length], reader.ReadToEnd().ReplaceLineEndings("\n"));
    }
}
