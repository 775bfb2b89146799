using Lorikeet.Studio.Records;

namespace Lorikeet.Studio.Work;

/// <summary>The files of the machine that are offered.</summary>
/// <param name="places">The folder they lie in.</param>
public sealed class DataFiles(StudioPlaces places)
{
    private const int Deepest = 4;
    private const int Most = 200;

    private static readonly string[] s_endings =
        [".jsonl", ".json", ".csv", ".tsv", ".parquet", ".txt", ".jsonl.gz", ".json.gz", ".csv.gz"];

    private static readonly EnumerationOptions s_looking = new()
    { RecurseSubdirectories = true, MaxRecursionDepth = Deepest, IgnoreInaccessible = true };

    /// <summary>Files of data below the folder, as the current folder names them.</summary>
    public IReadOnlyList<string> Data() => Look(
        "*", file => s_endings.Any(ending => file.EndsWith(ending, StringComparison.OrdinalIgnoreCase))
            && !IsPartOfSomething(file));

    /// <summary>Folders of models, and GGUF files.</summary>
    public IReadOnlyList<string> Models() =>
    [
        .. Look("config.json", file => File.Exists(Path.Combine(Path.GetDirectoryName(file)!, "tokenizer_config.json")))
            .Select(file => Path.GetDirectoryName(file)!).Distinct(),
        .. Look("*.gguf", _ => true),
    ];

    private string[] Look(string pattern, Func<string, bool> isWanted) => Directory.Exists(places.Data)
        ? [.. Directory.EnumerateFiles(places.Data, pattern, s_looking).Where(isWanted).Take(Most)
            .Select(StudioPlaces.Shown).Order(StringComparer.Ordinal)]
        : [];

    /// <summary>Whether a file belongs to a model, an adapter, a run or a program rather than being data.</summary>
    private bool IsPartOfSomething(string file)
    {
        var folder = Path.GetDirectoryName(file)!;
        return Path.GetFileName(file) is "metrics.jsonl" or "answers.jsonl" or "log.txt" or "package.json"
            or "package-lock.json" or "global.json"
            || file.StartsWith(places.Runs, StringComparison.Ordinal)
            || Path.GetRelativePath(places.Data, folder).Split(Path.DirectorySeparatorChar)
                .Any(part => part is "bin" or "obj" or "artifacts" or "node_modules")
            || File.Exists(Path.Combine(folder, "config.json"))
            || File.Exists(Path.Combine(folder, "adapter_config.json"));
    }
}
