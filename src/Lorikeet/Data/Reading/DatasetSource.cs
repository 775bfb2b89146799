using System.Text.RegularExpressions;

namespace Lorikeet.Data.Reading;

/// <summary>A dataset as the user names it: a file, a folder or a hub id, perhaps followed by <c>:split</c>.</summary>
/// <param name="Name">Path or hub id.</param>
/// <param name="Split">The split named with it, if any.</param>
internal sealed partial record DatasetSource(string Name, string? Split)
{
    /// <summary>Splits <c>name:split</c>; a path that exists as it stands, and <c>C:\...</c>, are left whole.</summary>
    public static DatasetSource Parse(string text)
    {
        // A part of a split has a colon of its own: name:train[:10%].
        var part = text.IndexOf('[');
        var colon = text.LastIndexOf(':', part < 0 ? text.Length - 1 : part);
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
        throw new DatasetException(
            $"'{Name}' does not exist. A data file, a folder or a dataset's hub id (owner/name) was expected. " +
            $"It was looked for in {Environment.CurrentDirectory}. Check the path.");
    }

    [GeneratedRegex(@"^[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?$", RegexOptions.CultureInvariant)]
    private static partial Regex HubId();
}
