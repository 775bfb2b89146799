using Lorikeet.Formats;
using Lorikeet.Formats.Options;
using Lorikeet.Hub.Download;
using Lorikeet.Models.Lora;

namespace Lorikeet.Configuration;

/// <summary>
/// Looks at every place that options name for results before any work is done: whether it can be written, and whether
/// it is one that is read. Which options those are, their attributes say.
/// </summary>
internal static class PlaceCheck
{
    private const string Overwrites = "overwrite_output_dir";

    private static readonly string[] s_fileEndings =
        [".gguf", ".safetensors", ".bin", ".pt", ".pth", ".zip", ".json", ".jsonl", ".csv", ".yaml", ".yml"];

    /// <summary>Checks the options of one job.</summary>
    /// <param name="catalog">Says which options name places.</param>
    /// <param name="options">The tree with the values.</param>
    /// <param name="speak">How a message calls an option.</param>
    /// <exception cref="LorikeetException">A place cannot be written, or is an input.</exception>
    public static void Run(OptionCatalog catalog, object options, Func<string, string> speak)
    {
        var inputs = catalog.Options.Where(option => option.Input is not null)
            .SelectMany(option => Places(option, options).SelectMany(path => WithBase(option, path)))
            .ToList();
        var overwrites = catalog.Find(Overwrites)?.Get(options) as bool? ?? false;
        foreach (var option in catalog.Options.Where(option => option.Output != OutputKind.None))
        {
            if (option.Get(options) is not string path || Equals(path, option.Default))
                continue;
            RequireWritable(option.Output, speak(option.Name), path);
            var isReplaced = option.Output switch
            {
                OutputKind.Folder => overwrites && catalog.Find(Overwrites)!.Group == option.Group,
                OutputKind.File => false,
                OutputKind.FileOrNewFolder => Directory.Exists(path),
                _ => true,
            };
            if (option.Output == OutputKind.Folder && !isReplaced)
                continue;
            foreach (var (role, input, isPart) in inputs)
                OutputPlace.RequireApart(speak(option.Name), path, isReplaced, role, input, isPart);
        }
    }

    /// <summary>Refuses a folder by the name of a file: who asks for x.gguf wants a file.</summary>
    private static void RequireFoldersName(string option, string path)
    {
        var ending = Path.GetExtension(Path.TrimEndingDirectorySeparator(path));
        if (!s_fileEndings.Contains(ending, StringComparer.OrdinalIgnoreCase) || Directory.Exists(path))
            return;
        throw new ConfigurationException(
            $"{option} is '{path}', the name of a file. A folder is written, such as "
            + $"'{Path.ChangeExtension(Path.TrimEndingDirectorySeparator(path), null)}'."
            + (ending.Equals(".gguf", StringComparison.OrdinalIgnoreCase)
                ? " GGUF files of models and adapters are written by 'export gguf'."
                : " Name a folder."));
    }

    private static void RequireWritable(OutputKind kind, string option, string path)
    {
        if (kind == OutputKind.File || (kind == OutputKind.FileOrNewFolder && File.Exists(path)))
            OutputPlace.RequireFile(option, path);
        else
            OutputPlace.RequireFolder(option, path, isReplaced: kind != OutputKind.Folder);
        if (kind is not (OutputKind.File or OutputKind.FileOrNewFolder))
            RequireFoldersName(option, path);
    }

    /// <summary>The values that name something on this disk: a path, a list of paths, or NAME=PATH.</summary>
    private static IEnumerable<string> Places(OptionDefinition option, object options)
    {
        var values = option.Get(options) switch
        {
            string text => [text],
            IEnumerable<string> texts => texts,
            _ => [],
        };
        return values.Select(value => Path.Exists(value) ? value : value[(value.IndexOf('=') + 1)..])
            .Where(Path.Exists);
    }

    /// <summary>An adapter brings the base that it names along, where that is on this disk.</summary>
    private static IEnumerable<(string Role, string Path, Func<string, bool>? IsPart)> WithBase(
        OptionDefinition option, string path)
    {
        yield return (option.Input!, path, option.Name is "model" or "adapter" ? PartOf(path) : null);
        if (option.Name != "adapter" || BaseOf(path) is not { Length: > 0 } model || !Path.Exists(model))
            yield break;
        yield return ("the base of the adapter", model, PartOf(model));
    }

    /// <summary>Results may lie beside a model's own files, and be written again.</summary>
    private static Func<string, bool> PartOf(string folder) => file => !Directory.Exists(folder)
        || NeededFiles.IsOfModel(file, [.. Directory.EnumerateFiles(folder).Select(path => Path.GetFileName(path))]);

    private static string? BaseOf(string adapter)
    {
        try
        {
            return File.Exists(Path.Combine(adapter, AdapterFolder.ConfigFile))
                ? AdapterFolder.Open(adapter).BaseModel
                : null;
        }
        catch (LorikeetException)
        {
            return null; // reading the adapter says what is wrong with it
        }
    }
}
