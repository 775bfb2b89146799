using System.Text.RegularExpressions;

namespace Lorikeet.Runs.Reports;

/// <summary>
/// Keeps the places of this machine out of what others read: reports and model cards say the name of a file, not the
/// folders above it, which hold the user's name and what else lies there.
/// </summary>
internal static partial class LocalPlaces
{
    /// <summary>
    /// A path as others may see it: relative where it lies below the current folder, else its last name. What is no
    /// path of this machine, a hub id for example, stays.
    /// </summary>
    public static string Name(string path)
    {
        if (!IsPlace(path))
            return path;
        if (Path.IsPathRooted(path)
            && Path.GetRelativePath(Environment.CurrentDirectory, path) is var below && !IsPlace(below) && below != ".")
            return below.Replace('\\', '/');
        return path.Split('/', '\\').LastOrDefault(part => part is not ("" or "." or ".." or "~")) ?? "…";
    }

    /// <summary>Text with the places in it named by <see cref="Name"/>.</summary>
    public static string Hide(string text)
    {
        text = Quoted()
            .Replace(text, match => match.Groups[1].Value + Name(match.Groups[2].Value) + match.Groups[1].Value);
        return Bare().Replace(text, match => Name(match.Value));
    }

    /// <summary>
    /// A command with the folder of its run called by its name, so that it can be typed beside that folder.
    /// </summary>
    public static string HideIn(string command, string runFolder)
    {
        var folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(runFolder));
        return Hide(command.Replace(folder, Path.GetFileName(folder), StringComparison.Ordinal));
    }

    /// <summary>A value of an option that names files or folders.</summary>
    public static object? InValue(object? value) => value switch
    {
        string path => Name(path),
        IReadOnlyList<string> paths => paths.Select(Name).ToList(),
        _ => value,
    };

    private static bool IsPlace(string path) =>
        path.StartsWith('/') || path.StartsWith('\\') || path.StartsWith("~/", StringComparison.Ordinal)
        || path.StartsWith("..", StringComparison.Ordinal) || Drive().IsMatch(path);

    [GeneratedRegex(@"(['""])((?:/|~/|\\\\|[A-Za-z]:[/\\]|\.\.[/\\])[^'""\n]*)\1")]
    private static partial Regex Quoted();

    // After a letter, a colon or another slash it is part of an address or a fraction.
    [GeneratedRegex(@"(?<![\w:/\\.~'""<-])(?:/|~/|\\\\|[A-Za-z]:[/\\]|\.\.[/\\])[^\s'"",;:|<>()\[\]{}]+")]
    private static partial Regex Bare();

    [GeneratedRegex(@"^[A-Za-z]:[/\\]")]
    private static partial Regex Drive();
}
