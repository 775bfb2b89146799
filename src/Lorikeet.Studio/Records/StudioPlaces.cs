namespace Lorikeet.Studio.Records;

/// <summary>Where the studio finds and keeps things.</summary>
/// <param name="Runs">The folder of runs, a full path.</param>
/// <param name="Data">The folder whose files are offered as data, a full path.</param>
/// <param name="Model">The model that is proposed; null for none.</param>
/// <param name="Program">How commands begin that are shown to be copied.</param>
public sealed record StudioPlaces(string Runs, string Data, string? Model, string Program)
{
    /// <summary>What the studio itself keeps: the history, and options of runs that wait.</summary>
    public string Own => Path.Combine(Runs, ".studio");

    /// <summary>The folder of a run.</summary>
    /// <param name="name">Its name.</param>
    public string RunFolder(string name) => Path.Combine(Runs, name);

    /// <summary>A path as the current folder names it, where it lies in that.</summary>
    /// <param name="path">The path.</param>
    public static string Shown(string path)
    {
        var relative = Path.GetRelativePath(Environment.CurrentDirectory, path);
        return relative.StartsWith('.') ? path : relative;
    }

    /// <summary>Whether a name is one that a run may have: a folder's, right below that of the runs.</summary>
    /// <param name="name">The name.</param>
    public static bool IsName(string name) =>
        name.Length is > 0 and <= 120 && name[0] != '.'
        && name.All(letter => char.IsLetterOrDigit(letter) || letter is '-' or '_' or '.');
}
