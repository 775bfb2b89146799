using System.Text.RegularExpressions;

namespace Lorikeet.Server.Protocol;

/// <summary>
/// Errors of the library name files by their whole path, which the owner of the machine needs and strangers should not
/// learn: of what lies on this machine, they are told the last part.
/// </summary>
internal static partial class HiddenPaths
{
    /// <summary>The text, with the last part alone of each path that leads somewhere on this machine.</summary>
    public static string In(string message) => AbsolutePath().Replace(message, path =>
    {
        var trimmed = path.Value.TrimEnd('/', '\\', '.', ',', ':', ';');
        var last = trimmed[(trimmed.LastIndexOfAny(['/', '\\']) + 1)..];
        return LeadsSomewhere(trimmed) ? last + path.Value[trimmed.Length..] : path.Value;
    });

    /// <summary>
    /// Whether the path, or the folder that it would lie in, is there: an address or a fraction is not.
    /// </summary>
    private static bool LeadsSomewhere(string path)
    {
        for (var place = path; Path.GetDirectoryName(place) is { } parent; place = parent)
        {
            if (Path.Exists(place))
                return true;
        }

        return false;
    }

    /// <summary>A path from the root, up to a quote or the next blank.</summary>
    [GeneratedRegex("""(?<![\w:/\\.])(?:/|[A-Za-z]:[/\\])[^\s'"<>|]+""")]
    private static partial Regex AbsolutePath();
}
