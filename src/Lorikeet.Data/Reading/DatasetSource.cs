using System.Text.RegularExpressions;
using Lorikeet.Formats;

namespace Lorikeet.Data.Reading;

/// <summary>A dataset as the user names it: a file, a folder or a hub id, perhaps followed by <c>:split</c>.</summary>
/// <param name="Name">Path or hub id.</param>
/// <param name="Split">The split named with it, if any.</param>
internal sealed partial record DatasetSource(string Name, string? Split)
{
    /// <summary>Splits <c>name:split</c>; a path that exists as it stands, and <c>C:\...</c>, are left whole.</summary>
    public static DatasetSource Parse(string text)
    {
        var colon = SplitColon(text);
        var isWhole = colon < 2 || colon == text.Length - 1 || text.AsSpan(colon).ContainsAny('/', '\\') ||
            Path.Exists(text);
        return isWhole ? new DatasetSource(text, null) : new DatasetSource(text[..colon], text[(colon + 1)..]);
    }

    /// <summary>The file or folder on this machine; a hub id is looked for on the hub.</summary>
    /// <param name="fetchFromHub">Turns a hub id into the folder of its snapshot.</param>
    public string Locate(Func<string, string>? fetchFromHub)
    {
        if (Path.Exists(Name))
            return Name;
        if (fetchFromHub is not null && HubId().IsMatch(Name) && !DataFile.Formats.Contains(new DataFile(Name).Format))
            return fetchFromHub(Name);
        var advice = Nearest() is { } nearest ? $"Did you mean '{nearest}'?" : "Check the path.";
        throw new DatasetException(
            $"'{Name}' does not exist. A data file, a folder or a dataset's hub id (owner/name) was expected. " +
            $"It was looked for in {Environment.CurrentDirectory}. {advice}");
    }

    /// <summary>
    /// The last colon outside of brackets, for a part of a split has one of its own: name:train[:10%].
    /// </summary>
    private static int SplitColon(string text)
    {
        var depth = 0;
        for (var i = text.Length - 1; i >= 0; i--)
        {
            if (text[i] == ']')
                depth++;
            else if (text[i] == '[')
                depth--;
            else if (text[i] == ':' && depth <= 0)
                return i;
        }

        return -1;
    }

    /// <summary>What lies where the name points and is called almost like it.</summary>
    private string? Nearest()
    {
        var folder = Path.GetDirectoryName(Name) ?? "";
        var place = folder.Length > 0 ? folder : Environment.CurrentDirectory;
        if (!Directory.Exists(place))
            return null;
        try
        {
            var names = Directory.EnumerateFileSystemEntries(place).Take(10_000)
                .Select(path => Path.GetFileName(path)!);
            return NearestName.Among(names, Path.GetFileName(Name)) is { } near ? Path.Combine(folder, near) : null;
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    [GeneratedRegex(@"^[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?$", RegexOptions.CultureInvariant)]
    private static partial Regex HubId();
}
