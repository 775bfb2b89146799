using System.Text;

namespace Lorikeet.Runs;

/// <summary>A run's default name: what was trained, on what, and when.</summary>
internal static class RunName
{
    private static readonly string[] SaysNothing = ["train", "training", "data", "dataset"];

    /// <summary>For example <c>tinyllama-1.1b-chat-openassistant-guanaco-20261123-2215</c>.</summary>
    public static string From(string model, string dataset, DateTimeOffset time) =>
        $"{Word(OfModel(model))}-{Word(OfDataset(dataset))}-{time:yyyyMMdd-HHmm}";

    /// <summary>The name of a model without its organisation or folder.</summary>
    public static string OfModel(string model) => LastPart(model);

    /// <summary>The name of a data set: of its file, or of the folder where the file's name says nothing.</summary>
    public static string OfDataset(string dataset)
    {
        var name = LastPart(dataset);
        if (!Directory.Exists(dataset) && Path.HasExtension(name) && File.Exists(dataset))
            name = name[..name.IndexOf('.', 1)];
        var parent = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(dataset));
        return SaysNothing.Contains(name.ToLowerInvariant()) && LastPart(parent ?? "") is { Length: > 0 } above
            ? above
            : name;
    }

    private static string LastPart(string path) =>
        path.Split('/', '\\').LastOrDefault(part => part is not ("" or ".")) ?? "";

    // Lower case, because a name that differs only in case is the same folder on some systems.
    private static string Word(string text)
    {
        var word = new StringBuilder();
        foreach (var character in text.ToLowerInvariant())
        {
            if (char.IsAsciiLetterOrDigit(character) || character is '.' or '_')
                word.Append(character);
            else if (word.Length > 0 && word[^1] != '-')
                word.Append('-');
        }

        var trimmed = word.ToString().Trim('-', '.');
        return trimmed.Length == 0 ? "run" : trimmed[..Math.Min(trimmed.Length, 60)].TrimEnd('-', '.');
    }
}
